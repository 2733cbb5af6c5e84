import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import { type Logger, silentLogger } from '../base/logger.ts';
import { callUnary, type Door, type Incoming, sendStream } from '../door/call.ts';
import { serverStream, unary } from '../door/method.ts';
import { openDoor } from '../door/testing/doors.ts';
import { createCallFigures } from './call-figures.ts';
import { callMetrics } from './call-metrics.ts';
import { createCallObserver } from './calls.ts';
import { createOpenStreams } from './open-streams.ts';

const PATH = '/api.Submit/SubmitJobs';

function incomingOf(gone = new AbortController().signal): Incoming {
  const peer = '127.0.0.1:1';
  return {
    protocol: 'rest',
    path: PATH,
    peer,
    certificate: undefined,
    requestId: 'mine',
    headers: () => [],
    gone,
  };
}

/** A door that is observed, with what was logged and what is told of it. */
function observed(level: 'debug' | 'info' = 'debug') {
  const lines: { level: string; fields: Record<string, unknown> }[] = [];
  const write = (at: string) => (fields: object) => void lines.push({ level: at, fields: { ...fields } });
  const isLevelEnabled = (asked: string): boolean => asked !== 'debug' || level === 'debug';
  const logger: Logger = { ...silentLogger, debug: write('debug'), warn: write('warn'), isLevelEnabled };
  let elapsedMs = 0;
  const clock: Clock = { now: () => 0, elapsed: () => (elapsedMs += 4) };
  const figures = createCallFigures();
  const openStreams = createOpenStreams();
  const door = openDoor({
    observer: createCallObserver({ figures, openStreams, clock, logger, tracer: undefined }),
  });
  const told = async (name: string): Promise<Record<string, number>> => {
    const families = await callMetrics(figures, openStreams)();
    const { samples = [] } = families.find((family) => family.name === name) ?? {};
    return Object.fromEntries(
      samples.map(({ suffix = '', labels, value }) => [
        `${suffix}${labels['grpc_code'] ?? labels['le'] ?? labels['user'] ?? ''}`,
        value,
      ]),
    );
  };
  return { door, lines, told };
}

async function fail(door: Door, error: Error): Promise<void> {
  const method = unary('authenticated', () => {
    throw error;
  });
  await assert.rejects(callUnary(door, method, incomingOf(), {}));
}

test('a call is one line of the log, found by its request id', async () => {
  const { door, lines } = observed();
  await callUnary(
    door,
    unary('authenticated', () => 'fine'),
    incomingOf(),
    {},
  );
  await fail(door, new ArmadaError('QUEUE_NOT_FOUND', 'there is none'));
  const call = { requestId: 'mine', protocol: 'rest', method: PATH, peer: '127.0.0.1:1' };
  assert.deepEqual(lines, [
    { level: 'debug', fields: { ...call, principal: 'anonymous', code: 'OK', ms: 4 } },
    {
      level: 'debug',
      fields: {
        ...call,
        principal: 'anonymous',
        code: 'NOT_FOUND',
        ms: 4,
        reason: 'QUEUE_NOT_FOUND',
        refusal: 'there is none',
      },
    },
  ]);
});

test('where nobody wants to hear of calls, a fault of ours is told all the same', async () => {
  const { door, lines } = observed('info');
  await callUnary(
    door,
    unary('authenticated', () => 'fine'),
    incomingOf(),
    {},
  );
  await fail(door, new TypeError('secret'));
  assert.deepEqual(
    lines.map(({ level, fields }) => [level, fields['code']]),
    [['warn', 'INTERNAL']],
  );
});

test('calls are counted by what became of them, and by how long they took', async () => {
  const { door, told } = observed();
  await callUnary(
    door,
    unary('authenticated', () => 'fine'),
    incomingOf(),
    {},
  );
  await fail(door, new ArmadaError('OVERLOADED', 'later'));
  await fail(door, new TypeError());
  await assert.rejects(
    callUnary(
      { ...door, chain: { ...door.chain, authenticate: () => Promise.reject(new Error()) } },
      unary('authenticated', () => ''),
      incomingOf(),
      {},
    ),
  );
  assert.deepEqual(await told('grpc_server_handled_total'), { OK: 1, ResourceExhausted: 1, Internal: 2 });
  const took = await told('grpc_server_handling_seconds');
  assert.equal(took['_bucket0.001'], 0);
  assert.equal(took['_bucket0.005'], 4);
  assert.equal(took['_bucket+Inf'], 4);
  assert.equal(took['_count'], 4);
  assert.equal(Math.round((took['_sum'] ?? 0) * 1000), 16);
});

test('a stream is open until its client goes, and was then cancelled', async () => {
  const { door, told } = observed();
  const gone = new AbortController();
  const method = serverStream('authenticated', async function* (_request, { signal }) {
    yield 'first';
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  });
  const sent = Promise.withResolvers<void>();
  const to = {
    writableEnded: false,
    write: (_item: unknown, done: () => void) => {
      done();
      sent.resolve();
    },
  };
  const path = '/api.Event/Watch';
  const over = sendStream(door, method, { ...incomingOf(gone.signal), path }, { request: {}, to });
  await sent.promise;
  assert.deepEqual(await told('armada_event_api_active_subscriptions'), { anonymous: 1 });
  assert.deepEqual(await told('grpc_server_handled_total'), {});
  gone.abort();
  await over;
  assert.deepEqual(await told('armada_event_api_active_subscriptions'), { anonymous: 0 });
  assert.deepEqual(await told('grpc_server_handled_total'), { Canceled: 1 });
  assert.deepEqual(await told('grpc_server_msg_sent_total'), { '': 1 });
});
