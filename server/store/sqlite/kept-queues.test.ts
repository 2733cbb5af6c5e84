import { Queue } from '@armada-ts/api/api/queue';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepQueues } from './kept-queues.ts';

test('a queue is read once until it may have changed, and a name without one each time', () => {
  const read: string[] = [];
  let version = 1;
  const queues = keepQueues((name) => {
    read.push(name);
    return name === 'there' ? { queue: Queue.create({ name }), version } : undefined;
  });
  assert.equal(queues.get('there')?.version, 1);
  version = 2;
  assert.equal(queues.get('there')?.version, 1);
  queues.forget('there');
  assert.equal(queues.get('there')?.version, 2);
  assert.equal(queues.get('nowhere'), undefined);
  assert.equal(queues.get('nowhere'), undefined);
  assert.deepEqual(read, ['there', 'there', 'nowhere', 'nowhere']);
});

test('no more queues are kept than there is room for', () => {
  let reads = 0;
  const queues = keepQueues((name) => {
    reads++;
    return { queue: Queue.create({ name }), version: 1 };
  });
  for (let i = 0; i <= 1024; i++) queues.get(`queue-${i}`);
  queues.get('queue-0');
  assert.equal(reads, 1026);
});
