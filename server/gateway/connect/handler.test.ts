import { EventStreamMessage, EventService, type JobSetRequest } from '@armada-ts/api/api/event';
import { Queue, type QueueGetRequest, QueueServiceService } from '@armada-ts/api/api/queue';
import { Event } from '@armada-ts/api/es/api/event_pb';
import { QueueService } from '@armada-ts/api/es/api/queue_pb';
import { BadRequestSchema, ErrorInfoSchema } from '@armada-ts/api/es/google/rpc/error_details_pb';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  compressionGzip,
} from '@connectrpc/connect-node';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ArmadaError } from '../../base/errors.ts';
import { frame } from '../../base/framing.ts';
import { createChain, credentialOf, type Scheme } from '../../auth/chain.ts';
import type { Admission } from '../../door/admission.ts';
import { createIntake } from '../../door/intake.ts';
import { type Methods, type Service, serverStream, unary } from '../../door/method.ts';
import { calmAdmission, openDoor } from '../../door/testing/doors.ts';
import { alreadyFramed } from '../../door/framed.ts';
import type { HttpOptions } from '../http.ts';
import { openPort } from '../testing/ports.ts';

type GetQueue = Parameters<typeof unary<QueueGetRequest, Queue>>[1];
type GetEvents = Parameters<typeof serverStream<JobSetRequest, Buffer>>[1];

const queueOf = (name: string): Queue => Queue.fromPartial({ name, priorityFactor: 1.5 });

function services({
  getQueue = ({ name }) => queueOf(name),
  getEvents = async function* () {},
}: {
  getQueue?: GetQueue;
  getEvents?: GetEvents;
} = {}): Service[] {
  const { getQueue: queueDefinition } = QueueServiceService;
  const { getJobSetEvents } = EventService;
  const queues: Methods = { getQueue: unary('authenticated', getQueue) };
  const events: Methods = { getJobSetEvents: serverStream('authenticated', getEvents, 1) };
  return [
    { definition: { getQueue: queueDefinition }, methods: queues },
    {
      definition: { getJobSetEvents: { ...getJobSetEvents, responseSerialize: alreadyFramed } },
      methods: events,
    },
  ];
}

const open = (served: Parameters<typeof services>[0], settings: Partial<HttpOptions> = {}) =>
  openPort({ services: services(served), ...settings });

const framed = (...ids: string[]): Buffer =>
  frame(ids.map((id) => EventStreamMessage.encode({ id, message: undefined }).finish())).bytes;

const TRANSPORTS: Readonly<Record<string, (baseUrl: string) => Transport>> = {
  'Connect with JSON': (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
  'Connect with binary messages': (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: true }),
  'Connect on HTTP/2': (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '2' }),
  'gRPC-Web': (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
  'gRPC on HTTP/2': (baseUrl) => createGrpcTransport({ baseUrl }),
  'gRPC on HTTP/2, compressed': (baseUrl) =>
    createGrpcTransport({ baseUrl, sendCompression: compressionGzip, compressMinBytes: 1 }),
};

/** What a call is refused with. */
function refusal(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => assert.fail('the call was answered'),
    (error: unknown) => ConnectError.from(error),
  );
}

async function drained(messages: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of messages);
}

const queuesOf = (transport: Transport) => createClient(QueueService, transport);

/** Knows whoever says a name. */
const namingScheme: Scheme = {
  name: 'test',
  challenge: 'Test realm="test"',
  authenticate: (given) => {
    const name = credentialOf(given, 'test');
    return name === undefined ? undefined : { name, groups: [], scopes: [], scheme: 'test' };
  },
};

/** Admits so many calls at once. */
function roomFor(limit: number) {
  const room = { used: 0, refused: 0, sizes: [] as number[], admission: {} as Admission };
  room.admission = {
    ...calmAdmission(),
    enter() {
      if (room.used === limit) {
        room.refused++;
        return { retryAfterMs: 500 };
      }
      room.used++;
      let isOver = false;
      return {
        arrived: (bytes) => void room.sizes.push(bytes),
        stalled: () => {},
        over() {
          if (!isOver) room.used--;
          isOver = true;
        },
      };
    },
  };
  return room;
}

for (const [name, transportTo] of Object.entries(TRANSPORTS)) {
  describe(name, () => {
    test('a call with one answer is answered', async () => {
      await using port = await open({});
      const queue = await queuesOf(transportTo(port.url)).getQueue({ name: 'a ü' });
      assert.deepEqual([queue.name, queue.priorityFactor], ['a ü', 1.5]);
    });

    test('a stream gives each message as it comes, however they were put together', async () => {
      const more = Promise.withResolvers<void>();
      await using port = await open({
        getEvents: async function* ({ queue }) {
          yield framed(`${queue}-1`, `${queue}-2`);
          await more.promise;
          yield framed(`${queue}-3`);
        },
      });
      const seen: string[] = [];
      for await (const { id } of createClient(Event, transportTo(port.url)).getJobSetEvents({ queue: 'q' })) {
        seen.push(id);
        // The third is sent only when the second has been seen.
        if (seen.length === 2) more.resolve();
      }
      assert.deepEqual(seen, ['q-1', 'q-2', 'q-3']);
    });

    test('a long stream arrives whole and in order, though the client is slow at times', async () => {
      const ids = Array.from({ length: 600 }, (_, i) => `${i}:${'x'.repeat(5000)}`);
      await using port = await open({
        getEvents: async function* () {
          for (let at = 0; at < ids.length; at += 20) yield framed(...ids.slice(at, at + 20));
        },
      });
      const seen: string[] = [];
      for await (const { id } of createClient(Event, transportTo(port.url)).getJobSetEvents({})) {
        if (seen.push(id) % 100 === 0) await sleep(5);
      }
      assert.deepEqual(seen, ids);
    });

    test('a refusal has its code, its text, its details and the id of the request', async () => {
      const refuse = (): never => {
        const faults = [{ field: 'name', message: 'must not be empty' }];
        throw new ArmadaError('INVALID_REQUEST', 'name must not be empty: 100 %', { faults });
      };
      await using port = await open({
        getQueue: refuse,
        getEvents: async function* () {
          yield framed('first');
          refuse();
        },
      });
      const transport = transportTo(port.url);
      const events = createClient(Event, transport).getJobSetEvents(
        {},
        { headers: { 'x-request-id': 'mine' } },
      );
      const asked = queuesOf(transport).getQueue({}, { headers: { 'x-request-id': 'mine' } });
      for (const error of await Promise.all([refusal(asked), refusal(drained(events))])) {
        assert.equal(error.code, Code.InvalidArgument);
        assert.equal(error.rawMessage, 'name must not be empty: 100 %');
        assert.equal(error.findDetails(ErrorInfoSchema)[0]?.reason, 'INVALID_REQUEST');
        assert.equal(error.findDetails(BadRequestSchema)[0]?.fieldViolations[0]?.field, 'name');
      }
      assert.match((await refusal(asked)).metadata.get('x-request-id') ?? '', /^mine/);
    });

    test('an accident is told without its text', async () => {
      await using port = await open({
        getQueue: () => {
          throw new TypeError('secret');
        },
      });
      const error = await refusal(queuesOf(transportTo(port.url)).getQueue({}));
      assert.equal(error.code, Code.Internal);
      assert.match(error.rawMessage, /^internal error; quote request id id-\d+ when reporting it$/);
    });

    test('whoever is not known is told how to become known, and who is may call', async () => {
      const door = openDoor({ chain: createChain([namingScheme]) });
      await using port = await open({ getQueue: (_, { principal }) => queueOf(principal.name) }, { door });
      const client = queuesOf(transportTo(port.url));
      const error = await refusal(client.getQueue({}));
      assert.equal(error.code, Code.Unauthenticated);
      assert.match(error.metadata.get('www-authenticate') ?? '', /Test realm/);
      const queue = await client.getQueue({}, { headers: { authorization: 'Test ada' } });
      assert.equal(queue.name, 'ada');
    });

    test('a deadline ends calls of both kinds, one far away does not', async () => {
      const ended: boolean[] = [];
      const wait = async (signal: AbortSignal): Promise<void> => {
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
        ended.push(signal.aborted);
      };
      await using port = await open({
        getQueue: async ({ name }, { signal }) => {
          if (name === '') await wait(signal);
          return queueOf(name);
        },
        getEvents: async function* (_, { signal }) {
          await wait(signal);
          yield framed('too late');
        },
      });
      const transport = transportTo(port.url);
      const events = createClient(Event, transport).getJobSetEvents({}, { timeoutMs: 100 });
      const asked = queuesOf(transport).getQueue({}, { timeoutMs: 100 });
      for (const error of await Promise.all([refusal(asked), refusal(drained(events))])) {
        assert.equal(error.code, Code.DeadlineExceeded);
      }
      const headers = { 'connect-timeout-ms': '9999999999', 'grpc-timeout': '99999999H' };
      await queuesOf(transport).getQueue({ name: 'x' }, { headers });
      while (ended.length < 2) await sleep(5);
      assert.deepEqual(ended, [true, true]);
    });

    test('a client that goes ends its stream', async () => {
      const left = Promise.withResolvers<void>();
      await using port = await open({
        getEvents: async function* (_, { signal }) {
          yield framed('first');
          signal.addEventListener('abort', () => left.resolve());
          await left.promise;
        },
      });
      const going = new AbortController();
      const events = createClient(Event, transportTo(port.url)).getJobSetEvents({}, { signal: going.signal });
      await assert.rejects(
        async () => {
          for await (const _ of events) going.abort();
        },
        { code: Code.Canceled },
      );
      await left.promise;
    });

    test('a server that stops ends streams so that they can be gone on with', async () => {
      const stopping = new AbortController();
      const door = openDoor({ stopping: stopping.signal });
      await using port = await open(
        {
          getEvents: async function* (_, { signal }) {
            yield framed('first');
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
          },
        },
        { door },
      );
      const events = createClient(Event, transportTo(port.url)).getJobSetEvents({});
      await assert.rejects(
        async () => {
          for await (const _ of events) stopping.abort();
        },
        { code: Code.Unavailable, rawMessage: /go on from the last message/ },
      );
    });

    test('a request that is too large is refused, also when it is small as it travels', async () => {
      await using port = await open({}, { maxRequestBytes: 64 * 1024 });
      const call = queuesOf(transportTo(port.url)).getQueue({ name: 'x'.repeat(100_000) });
      await assert.rejects(call, { code: Code.ResourceExhausted });
    });

    test('a request that there is no room for while it arrives is refused', async () => {
      const admission = { ...calmAdmission(), intake: createIntake(64 * 1024) };
      await using port = await open({}, { admission });
      const client = queuesOf(transportTo(port.url));
      // Not of one letter alone: packed it would be small.
      const name = randomBytes(100_000).toString('base64');
      await assert.rejects(client.getQueue({ name }), { code: Code.ResourceExhausted });
      assert.equal((await client.getQueue({ name: 'x' })).name, 'x');
    });

    test('a call that there is no room for is refused before it is read', async () => {
      const release = Promise.withResolvers<void>();
      const room = roomFor(2);
      await using port = await open(
        {
          getQueue: async ({ name }) => {
            await release.promise;
            return queueOf(name);
          },
        },
        { admission: room.admission },
      );
      const client = queuesOf(transportTo(port.url));
      const calls = Array.from({ length: 5 }, () => client.getQueue({ name: 'x' }));
      const refusals = calls.map((call) => call.catch((error: unknown) => ConnectError.from(error)));
      while (room.refused < 3) await sleep(5);
      release.resolve();
      const errors = (await Promise.all(refusals)).filter((each) => each instanceof ConnectError);
      assert.deepEqual(
        errors.map(({ code, details }) => [Code[code], details.length]),
        Array(3).fill(['ResourceExhausted', 2]),
      );
      // Everything taken has been given back.
      while (room.used > 0) await sleep(5);
      assert.equal((await client.getQueue({ name: 'y' })).name, 'y');
      assert.deepEqual(room.sizes.slice(0, 2), [3, 3]);
    });
  });
}

test('a stream whose deadline is over says so, to a client that does not look at its clock', async () => {
  await using port = await open({
    getEvents: async function* (_, { signal }) {
      yield framed('first');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  });
  const answer = await fetch(`${port.url}${EventService.getJobSetEvents.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/connect+json', 'connect-timeout-ms': '100' },
    body: Buffer.concat([Buffer.from([0, 0, 0, 0, 2]), Buffer.from('{}')]),
  });
  assert.match(await answer.text(), /"id":"first".*"code":"deadline_exceeded"/s);
});
