import { EventClient, type EventStreamMessage, JobSetRequest } from '@armada-ts/api/api/event';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { type CallOptions, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { connect, type ClientHttp2Stream } from 'node:http2';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEventHub } from '../events/hub.ts';
import { idsIn } from '../events/testing/framed.ts';
import { createStreams, type Payload, type Streams } from '../events/testing/streams.ts';
import type { Door } from '../door/call.ts';
import { calmAdmission, openDoor } from '../door/testing/doors.ts';
import { eventDefinition, eventService } from './event.ts';
import { createGrpcServer } from '../grpc/server.ts';

const cancel = (reason: string): Payload => ({ $case: 'cancelJob', value: { jobId: 'a', reason } });
const submit = (jobId: string): Payload => ({ $case: 'submitJob', value: SubmitJob.create({ jobId }) });

interface World extends AsyncDisposable {
  streams: Streams;
  client: EventClient;
  address: string;
  news: (...events: Payload[]) => void;
  /** Pieces of the stream that were asked for. */
  asked: () => number;
  /** Feeds that were not left. */
  open: () => number;
}

/** A real gRPC server that serves streams in memory to anonymous callers who may do everything. */
async function serve(settings: Partial<Door> = {}): Promise<World> {
  const streams = createStreams();
  const hub = createEventHub(streams.store);
  let asked = 0;
  let open = 0;
  const counting = {
    ...hub,
    join: (queue: string, jobSet: string) => {
      const feed = hub.join(queue, jobSet);
      open++;
      const next = (after: number) => {
        asked++;
        return feed.next(after);
      };
      const leave = (): void => {
        open--;
        feed.leave();
      };
      return { ...feed, next, leave };
    },
  };
  const stopping = new AbortController();
  const door = openDoor({ stopping: stopping.signal, ...settings });
  const { authorizer } = door;
  const methods = eventService({ store: streams.store, hub: counting, authorizer }, async () => []);
  const deps = { maxRequestBytes: 64 * 1024, admission: calmAdmission(), door };
  const server = createGrpcServer([{ definition: eventDefinition, methods }], deps);
  const address = `127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
  const client = new EventClient(address, credentials.createInsecure());
  return {
    streams,
    client,
    address,
    news: (...events) => hub.apply(streams.append('set', events)),
    asked: () => asked,
    open: () => open,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      client.close();
      await server.close();
    },
  };
}

function read(world: World, request: Partial<JobSetRequest> = {}, options: Partial<CallOptions> = {}) {
  const whole = JobSetRequest.fromPartial({ queue: 'queue', id: 'set', ...request });
  return world.client.getJobSetEvents(whole, new Metadata(), options);
}

async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; !isSo() && i < 500; i++) await sleep(10);
  assert(isSo(), 'it does not happen');
}

test('every event comes as a message of its own, however many are sent at once', async () => {
  await using world = await serve();
  const watched = read(world, { watch: true });
  const ids: string[] = [];
  watched.on('data', ({ id }: EventStreamMessage) => ids.push(id)).on('error', () => {});
  await until(() => world.asked() > 0);
  let events = 0;
  for (let i = 0; i < 300; i++) {
    const given = Array.from({ length: i % 7 }, (_, n) =>
      n % 2 ? submit(`${i}`) : cancel('x'.repeat(i * n)),
    );
    events += given.reduce((sum, { $case }) => sum + ($case === 'submitJob' ? 2 : 1), 0);
    world.news(...given);
    if (i % 50 === 0) await sleep(1);
  }
  world.news(...Array.from({ length: 2_000 }, () => cancel('y'.repeat(100))), cancel('z'.repeat(200_000)));
  events += 2_001;
  await until(() => ids.length >= events);
  const all: EventStreamMessage[] = [];
  for await (const message of read(world)) all.push(message as EventStreamMessage);
  assert.equal(all.length, events);
  assert.deepEqual(
    ids,
    all.map(({ id }) => id),
  );
  assert(all.every(({ message }) => message?.events !== undefined));
  watched.cancel();
  for (const from of [0, 1, 500, events - 2, events - 1]) {
    const rest: string[] = [];
    for await (const { id } of read(world, { fromMessageId: ids[from]! })) rest.push(id as string);
    assert.deepEqual(rest, ids.slice(from + 1));
  }
});

test('a client that goes, and one whose time is over, are forgotten', async () => {
  await using world = await serve();
  world.news(cancel(''));
  const gone = read(world, { watch: true });
  const late = read(world, { watch: true }, { deadline: Date.now() + 200 });
  const errors = [gone, late].map(
    (call) => new Promise<ServiceError>((resolve) => call.on('error', resolve).resume()),
  );
  await until(() => world.open() === 2);
  gone.cancel();
  assert.deepEqual(
    (await Promise.all(errors)).map(({ code }) => code),
    [status.CANCELLED, status.DEADLINE_EXCEEDED],
  );
  await until(() => world.open() === 0);
});

test('for a client that takes nothing one piece is made ready; cut off, it can go on where it was', async () => {
  await using world = await serve({ slowClientMs: 300 });
  for (let i = 0; i < 400; i++) world.news(cancel('x'.repeat(10_000)));
  const session = connect(`http://${world.address}`);
  const stream = request(
    session.request({
      ':method': 'POST',
      ':path': '/api.Event/GetJobSetEvents',
      'content-type': 'application/grpc',
      te: 'trailers',
    }),
  );
  const chunks: Buffer[] = [];
  await until(() => world.asked() > 1);
  await sleep(150);
  const early = world.asked();
  assert(early < 40, `${early} sequences were made ready for nobody`);
  const trailers = new Promise<Record<string, unknown>>((resolve) => stream.once('trailers', resolve));
  await until(() => world.open() === 0);
  assert(world.asked() <= early + 1);
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  assert.equal((await trailers)['grpc-status'], String(status.UNAVAILABLE));
  session.destroy();
  const ids = idsIn(Buffer.concat(chunks));
  assert(ids.length > 0 && ids.length < 400);
  for await (const { id } of read(world, { fromMessageId: ids.at(-1)! })) ids.push(id as string);
  assert.equal(new Set(ids).size, 400);
  assert.equal(ids.length, 400);
});

/** Asks for the events of the set, and reads nothing yet. */
function request(stream: ClientHttp2Stream): ClientHttp2Stream {
  const body = Buffer.from(
    JobSetRequest.encode(JobSetRequest.create({ queue: 'queue', id: 'set' })).finish(),
  );
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  stream.end(Buffer.concat([prefix, body]));
  return stream;
}
