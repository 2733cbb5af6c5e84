import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerEnd } from './container.ts';
import { outcomeOf } from './outcome.ts';

const refused: ContainerEnd = { how: 'unstartable', message: 'EAGAIN' };
const exited: ContainerEnd = { how: 'exited', exitCode: 137, atMs: 2 };

function outcome(ends: (ContainerEnd | undefined)[], atMostOnce = false) {
  const containers = ends.map((end, i) => ({ name: `c${i}`, end, hint: '' }));
  return outcomeOf({ containers, ending: undefined, finishedAtMs: 2, atMostOnce });
}

test('outcomeOf() gives a run back that the machine would not start, as started when part of it ran', () => {
  for (const [ends, runAttempted] of [
    [[refused, undefined], false],
    [[refused, exited], true],
  ] as const) {
    const message = 'container "c0" could not be started: EAGAIN';
    assert.deepEqual(outcome([...ends]), {
      phase: 'failed',
      finishedAtMs: 2,
      failure: { kind: 'leaseReturned', message, runAttempted },
    });
  }
});

test('outcomeOf() fails an at-most-once run of which part has run', () => {
  const ran = outcome([refused, exited], true);
  assert.ok(ran.phase === 'failed' && ran.failure.kind === 'podError');
  const idle = outcome([refused, undefined], true);
  assert.ok(idle.phase === 'failed' && idle.failure.kind === 'leaseReturned');
});
