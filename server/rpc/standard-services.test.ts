import {
  HealthCheckResponse_ServingStatus as Serving,
  HealthClient,
  type HealthCheckResponse,
} from '@armada-ts/api/grpc/health/v1/health';
import {
  ServerReflectionClient,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '@armada-ts/api/grpc/reflection/v1/reflection';
import { ServerReflectionClient as ServerReflectionAlphaClient } from '@armada-ts/api/grpc/reflection/v1alpha/reflection';
import { SubmitService } from '@armada-ts/api/api/submit';
import { fromBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { credentials, status } from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { anonymousScheme } from '../auth/anonymous.ts';
import { createChain } from '../auth/chain.ts';
import type { Door } from '../door/call.ts';
import { type CallContext, type Service, unary } from '../door/method.ts';
import { calmAdmission, openDoor } from '../door/testing/doors.ts';
import { grpcHealthService } from './grpc-health.ts';
import { createGrpcServer } from '../grpc/server.ts';
import { withHealth, withReflection } from './standard-services.ts';

const { getQueueInfo } = SubmitService;
const submit: Service = {
  definition: { getQueueInfo },
  methods: { getQueueInfo: unary('authenticated', () => ({ name: '', activeJobSets: [] })) },
};

async function serving(faults: string[] = [], door: Partial<Door> = {}) {
  const services = withReflection(withHealth([submit], () => Promise.resolve(faults)));
  const server = createGrpcServer(services, {
    maxRequestBytes: 64 * 1024,
    admission: calmAdmission(),
    door: openDoor(door),
  });
  const address = `127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
  const health = new HealthClient(address, credentials.createInsecure());
  const reflection = new ServerReflectionClient(address, credentials.createInsecure());
  return {
    address,
    health,
    reflection,
    check: (service: string): Promise<HealthCheckResponse> =>
      new Promise((resolve, reject) =>
        health.check({ service }, (error, answer) => (error ? reject(error) : resolve(answer))),
      ),
    ask: (...questions: Question[]) => answers(reflection, questions),
    async [Symbol.asyncDispose]() {
      health.close();
      reflection.close();
      await server.close();
    },
  };
}

type Question = ServerReflectionRequest['messageRequest'];
type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;

/** Asks one after the other on one stream. */
async function answers(
  client: Pick<ServerReflectionClient, 'serverReflectionInfo'>,
  questions: Question[],
): Promise<Answer[]> {
  const stream = client.serverReflectionInfo();
  for (const messageRequest of questions) stream.write({ host: 'h', messageRequest });
  stream.end();
  const all: ServerReflectionResponse[] = await stream.toArray();
  assert.deepEqual(
    all.map(({ validHost, originalRequest }) => [validHost, originalRequest?.messageRequest?.$case]),
    questions.map((question) => ['h', question?.$case]),
  );
  return all.map(({ messageResponse }) => messageResponse!);
}

function filesOf(answer: Answer | undefined): FileDescriptorProto[] {
  assert.equal(answer?.$case, 'fileDescriptorResponse');
  return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
}

test('a probe without credentials is told whether the server is well', async () => {
  const faults: string[] = [];
  const closed = createChain([{ ...anonymousScheme, authenticate: () => undefined }]);
  await using served = await serving(faults, { chain: closed });
  for (const service of ['', 'api.Submit']) {
    assert.equal((await served.check(service)).status, Serving.SERVING);
  }
  faults.push('the store is away');
  for (const service of ['', 'api.Submit']) {
    assert.equal((await served.check(service)).status, Serving.NOT_SERVING);
  }
  await assert.rejects(served.check('api.Nothing'), { code: status.NOT_FOUND });
});

test('whoever watches is told when it changes', async () => {
  const faults: string[] = [];
  await using served = await serving(faults);
  const watch = served.health.watch({ service: '' });
  assert.equal((await once(watch, 'data'))[0].status, Serving.SERVING);
  faults.push('the store is away');
  assert.equal((await once(watch, 'data'))[0].status, Serving.NOT_SERVING);
  watch.on('error', () => {});
  watch.cancel();
  const unknown = served.health.watch({ service: 'api.Nothing' });
  assert.equal((await once(unknown, 'data'))[0].status, Serving.SERVICE_UNKNOWN);
  unknown.on('error', () => {});
  unknown.cancel();
});

test('those who watch without being anybody are so many and no more', async () => {
  const { watch } = grpcHealthService(() => Promise.resolve([]), [], 1);
  assert.ok(watch?.kind === 'serverStream');
  const open = (signal: AbortSignal) =>
    watch.handle({ service: '' }, { signal } as CallContext)[Symbol.asyncIterator]();
  const ending = new AbortController();
  const first = open(ending.signal);
  assert.deepEqual(await first.next(), { value: { status: Serving.SERVING }, done: false });
  await assert.rejects(open(ending.signal).next(), { code: 'OVERLOADED' });
  ending.abort();
  assert.equal((await first.next()).done, true);
  const next = open(new AbortController().signal);
  assert.equal((await next.next()).done, false);
  await next.return?.(undefined);
});

test('all services are listed with their state', async () => {
  await using served = await serving();
  const statuses = await new Promise<Map<string, HealthCheckResponse>>((resolve, reject) =>
    served.health.list({}, (error, answer) => (error ? reject(error) : resolve(answer.statuses))),
  );
  assert.deepEqual(
    [...statuses].map(([name, { status: state }]) => [name, state]),
    [
      ['', Serving.SERVING],
      ['api.Submit', Serving.SERVING],
    ],
  );
});

test('a tool finds the services of the port, in either version', async () => {
  await using served = await serving();
  const older = new ServerReflectionAlphaClient(served.address, credentials.createInsecure());
  for (const client of [served.reflection, older]) {
    const [answer] = await answers(client, [{ $case: 'listServices', value: '*' }]);
    assert.equal(answer?.$case, 'listServicesResponse');
    assert.deepEqual(
      answer.value.service.map(({ name }) => name),
      [
        'api.Submit',
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
      ],
    );
  }
  older.close();
});

test('the files of a service come with all that they import, none twice', async () => {
  await using served = await serving();
  const [first, again, byName] = await served.ask(
    { $case: 'fileContainingSymbol', value: 'api.Submit' },
    { $case: 'fileContainingSymbol', value: 'api.JobSubmitRequest' },
    { $case: 'fileByFilename', value: 'google/protobuf/empty.proto' },
  );
  const files = filesOf(first);
  assert.equal(files[0]?.name, 'api/submit.proto');
  const names = files.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, dependency } of files) {
    for (const imported of dependency) assert(names.includes(imported), `${imported}, imported by ${name}`);
  }
  assert(files[0]?.service.some(({ name }) => name === 'Submit'));
  assert.deepEqual(
    [again, byName].map((answer) => filesOf(answer).map(({ name }) => name)),
    [['api/submit.proto'], ['google/protobuf/empty.proto']],
  );
});

test('members and extensions are found, and what there is not is refused', async () => {
  await using served = await serving();
  const method = 'google.protobuf.MethodOptions';
  const http = 72_295_728;
  const [numbers] = await served.ask({ $case: 'allExtensionNumbersOfType', value: method });
  assert.equal(numbers?.$case, 'allExtensionNumbersResponse');
  assert(numbers.value.extensionNumber.includes(http));
  const found = {
    'api.Submit.GetQueueInfo': 'api/submit.proto',
    'api.JobSubmitRequest.queue': 'api/submit.proto',
    'google.api.http': 'google/api/annotations.proto',
  };
  for (const [value, file] of Object.entries(found)) {
    const [answer] = await served.ask({ $case: 'fileContainingSymbol', value });
    assert.equal(filesOf(answer)[0]?.name, file, value);
  }
  const extension = { containingType: method, extensionNumber: http };
  const [file] = await served.ask({ $case: 'fileContainingExtension', value: extension });
  assert.equal(filesOf(file)[0]?.name, 'google/api/annotations.proto');
  const missing = await served.ask(
    { $case: 'fileContainingSymbol', value: 'api.Event' },
    { $case: 'fileContainingSymbol', value: 'api.JobSubmitRequest.nothing' },
    { $case: 'fileByFilename', value: '../secret' },
    { $case: 'fileContainingExtension', value: { containingType: method, extensionNumber: 1 } },
    { $case: 'allExtensionNumbersOfType', value: 'api.Nothing' },
    undefined,
  );
  assert.deepEqual(
    missing.map((answer) => answer.$case === 'errorResponse' && answer.value.errorCode),
    [...Array(5).fill(status.NOT_FOUND), status.INVALID_ARGUMENT],
  );
});

test('whoever is not known learns nothing of the services', async () => {
  const closed = createChain([{ ...anonymousScheme, authenticate: () => undefined }]);
  await using served = await serving([], { chain: closed });
  await assert.rejects(served.ask({ $case: 'listServices', value: '' }), { code: status.UNAUTHENTICATED });
});
