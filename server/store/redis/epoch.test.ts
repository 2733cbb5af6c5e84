import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { silentLogger } from '../../base/logger.ts';
import { watchEpoch } from './epoch.ts';
import type { Reply } from './node.ts';
import { createPartition, type Wire } from './partition.ts';

const EPOCH_MS = 5;
const SEEN = { number: 1, mark: Buffer.alloc(8) };

test('trusted() looks again when a connection came back while it was looking', async () => {
  const answers: PromiseWithResolvers<Reply[]>[] = [];
  const wire: Wire = {
    read: () => {
      const answer = Promise.withResolvers<Reply[]>();
      answers.push(answer);
      return answer.promise;
    },
    write: () => Promise.reject(new Error('nothing is written')),
  };
  const epoch = watchEpoch(
    {
      wire,
      prefix: '',
      partitions: [0, 1].map((number) => createPartition(wire, number, String(number))),
      now: () => EPOCH_MS,
      seen: () => SEEN,
      secret: new Uint8Array(),
      onLost: () => assert.fail('nothing is lost'),
      logger: silentLogger,
    },
    EPOCH_MS,
  );
  const unchanged: Reply[] = [[0, 1, EPOCH_MS]];
  epoch.suspect();
  let isTrusted = false;
  const trusted = epoch.trusted().then(() => (isTrusted = true));
  answers[0]?.resolve(unchanged);
  // The server of the first partition is another one now; its answer was the old one's.
  epoch.suspect();
  answers[1]?.resolve(unchanged);
  for (let turn = 0; turn < 3; turn++) await setImmediate();
  assert.equal(isTrusted, false);
  assert.equal(answers.length, 4, 'both partitions were asked again');
  for (const { resolve } of answers) resolve(unchanged);
  await trusted;
  await epoch.trusted();
  assert.equal(answers.length, 4);
});
