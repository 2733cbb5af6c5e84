import assert from 'node:assert/strict';
import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ArmadaError } from '../base/errors.ts';
import type { Admission } from '../door/admission.ts';
import { unary } from '../door/method.ts';
import { calmAdmission, openDoor } from '../door/testing/doors.ts';
import { createGrpcServer } from './server.ts';
import { rawMethod } from './testing/raw-method.ts';

/** Of which a request that has not come is late after a quarter. */
const STALL_MS = 400;

/** A server that lets in nobody but those who say `good`, and takes its time to tell. */
async function started(t: TestContext) {
  const seen = { checked: 0, over: 0 };
  const calm = calmAdmission();
  const admission: Admission = {
    ...calm,
    enter() {
      let isOver = false;
      const over = (): void => {
        if (!isOver) seen.over++;
        isOver = true;
      };
      return { arrived: () => {}, stalled: () => {}, over };
    },
  };
  const door = openDoor();
  const chain: typeof door.chain = {
    ...door.chain,
    async authenticate([authorization], caller) {
      seen.checked++;
      await sleep(100);
      if (authorization !== 'good') throw new ArmadaError('UNAUTHENTICATED', 'nobody');
      return door.chain.authenticate([], caller);
    },
  };
  const answer = (): Buffer => Buffer.alloc(1);
  const methods = { ask: unary('authenticated', answer), look: unary('anyone', answer) };
  const definition = { ask: rawMethod('/a.B/Ask'), look: rawMethod('/a.B/Look') };
  const server = createGrpcServer([{ definition, methods }], {
    maxRequestBytes: 1024,
    requestTimeoutMs: 2 * STALL_MS,
    admission,
    door: { ...door, chain },
  });
  const session = connect(`http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
  t.after(async () => {
    session.destroy();
    await server.close();
  });
  return { session, seen };
}

function begin(session: ClientHttp2Session, method: string, authorization: string): ClientHttp2Stream {
  const path = `/a.B/${method}`;
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', authorization };
  return session.request(headers);
}

function statusOf(call: ClientHttp2Stream): Promise<string | undefined> {
  return new Promise((resolve) => {
    const note = (headers: IncomingHttpHeaders): void => {
      if (headers['grpc-status'] !== undefined) resolve(headers['grpc-status'].toString());
    };
    call
      .on('response', note)
      .on('trailers', note)
      .on('error', () => {})
      .resume();
  });
}

test('a request that does not come keeps no room for somebody who may not call', async (t) => {
  const { session, seen } = await started(t);
  const beganMs = performance.now();
  assert.equal(await statusOf(begin(session, 'Ask', 'bad')), '16');
  assert.equal(await statusOf(begin(session, 'Look', 'none')), '14');
  assert.ok(performance.now() - beganMs < 4 * STALL_MS);
  assert.deepEqual(seen, { checked: 1, over: 2 });
});

test('who may call may take their time, and is asked once who they are', async (t) => {
  const { session, seen } = await started(t);
  for (const afterMs of [0, 150, 350]) {
    const call = begin(session, 'Ask', 'good');
    const status = statusOf(call);
    await sleep(afterMs);
    call.end(Buffer.alloc(5));
    assert.equal(await status, '0', `${afterMs} ms`);
  }
  assert.deepEqual(seen, { checked: 3, over: 3 });
});

test('a request that comes while its caller is turned away is not served', async (t) => {
  const { session, seen } = await started(t);
  const call = begin(session, 'Ask', 'bad');
  const status = statusOf(call);
  await sleep(150);
  call.end(Buffer.alloc(5));
  assert.equal(await status, '16');
  await sleep(20);
  assert.deepEqual(seen, { checked: 1, over: 1 });
});

test('a request is not late that came while the server was', async (t) => {
  const { session } = await started(t);
  const call = begin(session, 'Look', 'none');
  const status = statusOf(call);
  await sleep(20);
  call.end(Buffer.alloc(5), () => {
    const untilMs = performance.now() + 2.5 * STALL_MS;
    while (performance.now() < untilMs);
  });
  assert.equal(await status, '0');
});
