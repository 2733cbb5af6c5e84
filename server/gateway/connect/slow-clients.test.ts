import { EventService, EventStreamMessage } from '@armada-ts/api/api/event';
import { Queue, QueueServiceService } from '@armada-ts/api/api/queue';
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { frame } from '../../base/framing.ts';
import { serverStream, unary } from '../../door/method.ts';
import { calmAdmission, openDoor } from '../../door/testing/doors.ts';
import { alreadyFramed } from '../../door/framed.ts';
import { openPort, type TestPort } from '../testing/ports.ts';
import { beginVisit } from './visit.ts';

const { getQueue } = QueueServiceService;
const { getJobSetEvents } = EventService;
const MANY_BYTES = 32 * 1024 * 1024;

/** Sends a request and reads nothing. */
function ask({ port }: TestPort, path: string, type: string, body: string): Socket {
  const socket = connect(port, '127.0.0.1').pause();
  const head = [`POST ${path} HTTP/1.1`, 'host: localhost', `content-type: ${type}`];
  socket.write(`${head.join('\r\n')}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`, 'latin1');
  return socket;
}

/** How much came until the server broke the connection off. */
async function bytesUntilCutOff(socket: Socket): Promise<number> {
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'close');
  return bytes;
}

test('a watcher that reads nothing is cut off, and nothing more is made for it', async () => {
  const ended = Promise.withResolvers<number>();
  const piece = frame([
    EventStreamMessage.encode({ id: 'x'.repeat(1024 * 1024), message: undefined }).finish(),
  ]).bytes;
  let made = 0;
  const events = serverStream(
    'authenticated',
    async function* () {
      try {
        for (; made < MANY_BYTES; made += piece.length) yield piece;
      } finally {
        ended.resolve(made);
      }
    },
    1,
  );
  const definition = { getJobSetEvents: { ...getJobSetEvents, responseSerialize: alreadyFramed } };
  const door = openDoor({ slowClientMs: 200 });
  await using port = await openPort({
    door,
    services: [{ definition, methods: { getJobSetEvents: events } }],
  });
  const envelope = '\0\0\0\0\0';
  const socket = ask(port, getJobSetEvents.path, 'application/connect+proto', envelope);
  assert((await ended.promise) < MANY_BYTES / 2);
  assert((await bytesUntilCutOff(socket)) < MANY_BYTES / 2);
});

test('a large answer that is not taken is let go of', async () => {
  const name = 'x'.repeat(MANY_BYTES);
  const letGo = Promise.withResolvers<void>();
  const admission = {
    ...calmAdmission(),
    // The room of a read is given back when its answer has gone, or is dropped.
    enter: () => ({ arrived: () => {}, stalled: () => {}, over: () => letGo.resolve() }),
  };
  await using port = await openPort({
    door: openDoor({ slowClientMs: 200 }),
    admission,
    services: [
      {
        definition: { getQueue },
        methods: { getQueue: unary('authenticated', () => Queue.fromPartial({ name })) },
      },
    ],
  });
  const socket = ask(port, getQueue.path, 'application/proto', '');
  await letGo.promise;
  assert((await bytesUntilCutOff(socket)) < MANY_BYTES);
});

test('a request that does not come makes room for others, and is given up in the end', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const told: string[] = [];
  const admission = {
    ...calmAdmission(),
    enter: () => ({
      arrived: () => void told.push('arrived'),
      stalled: () => void told.push('stalled'),
      over: () => void told.push('over'),
    }),
  };
  const response = new EventEmitter();
  const destroy = (): void => {
    told.push('cut off');
    response.emit('close');
  };
  const visit = beginVisit({
    admission,
    arrival: { rank: 'write', isStream: false },
    need: 'authenticated',
    request: { socket: {} } as IncomingMessage,
    response: Object.assign(response, { destroy }) as unknown as ServerResponse,
  });
  assert.equal(visit.enter(), undefined);
  t.mock.timers.tick(2_000);
  assert.deepEqual(told, ['stalled']);
  t.mock.timers.tick(28_000);
  assert.deepEqual(told, ['stalled', 'cut off', 'over']);
  assert.equal(visit.gone.aborted, true);
});
