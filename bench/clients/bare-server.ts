// The peer of the submit benchmark: a gRPC server on the same library that only
// decodes the request and answers as many ids. No store, no scheduler: what the
// wire alone costs.
import { JobSubmitRequest, JobSubmitResponse, SubmitService } from '@armada-ts/api/api/submit';
import { Server, ServerCredentials, type handleUnaryCall } from '@grpc/grpc-js';
import { serveLoad } from '../measuring/processes.ts';

const { submitJobs } = SubmitService;

serveLoad<object, { address: string }>(async () => {
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  const answer: handleUnaryCall<JobSubmitRequest, JobSubmitResponse> = (call, callback) => {
    const items = call.request.jobRequestItems.map(({ clientId }) => ({
      jobId: clientId.slice(0, 26),
      error: '',
    }));
    callback(null, { jobResponseItems: items });
  };
  server.addService({ submitJobs }, { submitJobs: answer });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  return { address: `127.0.0.1:${port}` };
});
