import { QueueServiceService } from '@armada-ts/api/api/queue';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, silentLogger } from '../../base/logger.ts';
import type { Admission } from '../../door/admission.ts';
import { unary } from '../../door/method.ts';
import { calmAdmission, openDoor } from '../../door/testing/doors.ts';
import { openPort } from '../testing/ports.ts';

/** Field 6, `permissions`, with a message in it that says it is longer than it is. */
const DAMAGED = Buffer.from([(6 << 3) | 2, 2, (1 << 3) | 2, 127]);

/** Tells which calls that were let in are not over. */
function counting(admission: Admission) {
  const open = new Set<object>();
  const counted: Admission = {
    ...admission,
    enter(arrival) {
      const admitted = admission.enter(arrival);
      if (!('over' in admitted)) return admitted;
      open.add(admitted);
      return {
        ...admitted,
        over() {
          open.delete(admitted);
          admitted.over();
        },
      };
    },
  };
  return { admission: counted, open };
}

test('a message that cannot be decoded takes up no room, and is no fault to be logged', async () => {
  const { admission, open } = counting(calmAdmission());
  const logged: unknown[] = [];
  const logger: Logger = { ...silentLogger, error: (...line: unknown[]) => void logged.push(line) };
  const { createQueue } = QueueServiceService;
  const methods = { createQueue: unary('authenticated', () => ({})) };
  const services = [{ definition: { createQueue }, methods }];
  await using port = await openPort({ admission, door: openDoor({ logger }), services });
  const answer = await fetch(`${port.url}/api.QueueService/CreateQueue`, {
    method: 'POST',
    headers: { 'content-type': 'application/proto' },
    body: DAMAGED,
  });
  assert.equal(answer.status, 500, 'as libraries of gRPC and Connect say it');
  const { code, message } = (await answer.json()) as { code: string; message: string };
  assert.equal(code, 'internal');
  assert.match(message, /^Error deserializing request: /);
  // The client may have its answer before the server knows that it has.
  for (let tries = 0; open.size > 0 && tries < 100; tries++) await sleep(10);
  assert.equal(open.size, 0);
  assert.deepEqual(logged, []);
});
