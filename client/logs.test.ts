import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { ReadLogRequest } from '@armada-ts/api/armada/logs/v1/logs';
import { connect } from './connect.ts';
import { readLog } from './logs.ts';
import { refusal, startFakeServer } from './testing/fake-server.ts';

test('readLog() resumes a broken stream at the next byte of the same run', async () => {
  const requests: ReadLogRequest[] = [];
  await using server = await startFakeServer({
    logs: {
      readLog: (call) => {
        requests.push(call.request);
        if (requests.length === 1) {
          call.write({ data: Buffer.from('hello '), offset: 10n, runId: 'run-1' });
          call.emit('error', refusal(status.UNAVAILABLE, 'the server is stopping'));
        } else {
          call.write({ data: Buffer.from('world'), offset: 16n, runId: 'run-1' });
          call.end();
        }
      },
    },
  });
  using connection = connect({ address: server.address });
  let text = '';
  for await (const { data } of readLog(connection, {
    jobId: 'job-1',
    offset: -20n,
    follow: true,
    firstDelayMs: 1,
  })) {
    text += Buffer.from(data).toString();
  }
  assert.equal(text, 'hello world');
  assert.deepEqual(
    requests.map(({ runId, offset, follow }) => ({ runId, offset, follow })),
    [
      { runId: '', offset: -20n, follow: true },
      { runId: 'run-1', offset: 16n, follow: true },
    ],
  );
});

test('readLog() fails at once for a job without a log', async () => {
  await using server = await startFakeServer({
    logs: { readLog: (call) => void call.emit('error', refusal(status.NOT_FOUND, 'no log')) },
  });
  using connection = connect({ address: server.address });
  await assert.rejects(readLog(connection, { jobId: 'job-1' }).next(), { code: 'NOT_FOUND' });
});
