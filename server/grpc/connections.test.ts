import assert from 'node:assert/strict';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { createAdmission } from '../door/admission.ts';
import { createIntake } from '../door/intake.ts';
import { unary } from '../door/method.ts';
import { calmAdmission, openDoor } from '../door/testing/doors.ts';
import { createGrpcServer, type GrpcServerDeps } from './server.ts';
import { rawMethod } from './testing/raw-method.ts';

// A read: its room is kept until the answer is gone.
const ASK = rawMethod('/a.B/GetAll');
const HEADERS = { ':method': 'POST', ':path': ASK.path, 'content-type': 'application/grpc' };
const MAX_REQUEST_BYTES = 1024 * 1024;

/** A server whose one method answers with so many bytes, and a bare connection to it. */
async function connected(
  t: TestContext,
  deps: Partial<GrpcServerDeps> = {},
  answerBytes = 1,
): Promise<ClientHttp2Session> {
  const methods = { ask: unary('authenticated', () => Buffer.alloc(answerBytes)) };
  const server = createGrpcServer([{ definition: { ask: ASK }, methods }], {
    maxRequestBytes: MAX_REQUEST_BYTES,
    admission: calmAdmission(),
    door: openDoor(),
    ...deps,
  });
  const session = connect(`http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
  session.on('error', () => {});
  t.after(async () => {
    session.destroy();
    await server.close();
  });
  return session;
}

function prefixed(message: Buffer, flag = 0): Buffer {
  const prefix = Buffer.from([flag, 0, 0, 0, 0]);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** The gRPC status of a call, or the error of HTTP/2 that ended it. */
async function outcome(call: ClientHttp2Stream): Promise<string> {
  let status: string | undefined;
  const note = (headers: IncomingHttpHeaders): void => {
    status ??= headers['grpc-status']?.toString();
  };
  call
    .on('response', note)
    .on('trailers', note)
    .on('error', () => {});
  call.resume();
  await new Promise((resolve) => call.on('close', resolve));
  return status === undefined ? `reset ${call.rstCode}` : `status ${status}`;
}

const ENHANCE_YOUR_CALM = 'reset 11';

test('a connection may send a megabyte ahead from its first call on', async (t) => {
  const session = await connected(t);
  const call = session.request(HEADERS);
  call.on('error', () => {});
  call.resume().end(prefixed(Buffer.alloc(1)));
  for (let i = 0; i < 100 && (session.state.remoteWindowSize ?? 0) < 1_000_000; i++) await sleep(10);
  assert.ok((session.state.remoteWindowSize ?? 0) > 1_000_000);
});

test('headers that are too many or too large end their call', async (t) => {
  const session = await connected(t);
  const many = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`x-${i}`, 'a']));
  for (const more of [many, { 'x-large': 'a'.repeat(20_000) }]) {
    assert.equal(await outcome(session.request({ ...HEADERS, ...more }).end()), ENHANCE_YOUR_CALM);
  }
  const call = session.request({ ...HEADERS, 'x-large': 'a'.repeat(12_000) });
  assert.equal(await outcome(call.end(prefixed(Buffer.alloc(1)))), 'status 0');
});

test('calls whose requests arrive when there is no room end, and leave it to others', async (t) => {
  const admission = { ...calmAdmission(), intake: createIntake(100_000) };
  const session = await connected(t, { admission });
  const begun = Array.from({ length: 4 }, () => session.request(HEADERS));
  const outcomes = begun.map(outcome);
  for (const call of begun) call.write(prefixed(Buffer.alloc(60_000)).subarray(0, 20_000));
  assert.equal(await Promise.race(outcomes), ENHANCE_YOUR_CALM);
  const open = begun.filter((call) => !call.closed);
  // A connection may hold what is still free: three fifths, since they come in fifths.
  assert.equal(open.length, 3);
  for (const call of open) call.close();
  await sleep(20);
  const after = session.request(HEADERS);
  assert.equal(await outcome(after.end(prefixed(Buffer.alloc(40_000)))), 'status 0');
});

test('an answer that its client does not take is dropped, and the call is over', async (t) => {
  let over = 0;
  const whole = calmAdmission();
  const admission: ReturnType<typeof createAdmission> = {
    ...whole,
    enter: () => ({ arrived: () => {}, stalled: () => {}, over: () => void over++ }),
  };
  const session = await connected(t, { admission, answerTimeoutMs: 100 }, 200_000);
  const call = session.request(HEADERS);
  call.on('error', () => {});
  // Nothing is read, so no more than the first 64 KiB is allowed to come.
  call.end(prefixed(Buffer.alloc(1)));
  await sleep(50);
  assert.equal(over, 0);
  for (let i = 0; i < 100 && over === 0; i++) await sleep(10);
  assert.ok(over > 0);
});

test('a packed request is unpacked, within bounds, and refused for what it is', async (t) => {
  const session = await connected(t);
  const ask = (packing: string, message: Buffer): Promise<string> =>
    outcome(session.request({ ...HEADERS, 'grpc-encoding': packing }).end(prefixed(message, 1)));
  assert.equal(await ask('gzip', gzipSync(Buffer.alloc(1000))), 'status 0');
  assert.equal(await ask('gzip', gzipSync(Buffer.alloc(MAX_REQUEST_BYTES + 1))), 'status 8');
  assert.equal(await ask('gzip', Buffer.from('not packed')), 'status 13');
  assert.equal(await ask('br', Buffer.from('whatever')), 'status 12');
});
