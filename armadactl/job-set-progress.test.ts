import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobSetEventBody } from '@armada-ts/client/events';
import { applyEvent, countsByState, createProgress, hasEnded, outcomeExitCode } from './job-set-progress.ts';
import { event } from './testing/fake-armada.ts';

function after(...bodies: JobSetEventBody[]) {
  const progress = createProgress();
  for (const body of bodies) applyEvent(progress, body);
  return progress;
}

test('applyEvent() follows jobs through their states and back to the queue', () => {
  const lost = after(event('submitted'), event('queued'), event('leased'), event('leaseReturned'));
  assert.deepEqual(countsByState(lost), [['queued', 1]]);
  assert.equal(hasEnded(lost), false);
  const twice = after(
    event('running', {}, 'a'),
    event('leaseExpired', {}, 'a'),
    event('running', {}, 'b'),
    event('succeeded', {}, 'b'),
  );
  assert.deepEqual(countsByState(twice), [
    ['queued', 1],
    ['succeeded', 1],
  ]);
});

test('applyEvent() leaves states alone on events that change none', () => {
  const quiet = ['cancelling', 'preempting', 'reprioritizing', 'reprioritized', 'utilisation'] as const;
  const progress = after(event('running'), ...quiet.map((kind) => event(kind)));
  assert.deepEqual(countsByState(progress), [['running', 1]]);
});

test('applyEvent() keeps the first end of a job', () => {
  assert.deepEqual(countsByState(after(event('preempted'), event('failed'))), [['preempted', 1]]);
  assert.deepEqual(countsByState(after(event('cancelled'), event('running'))), [['cancelled', 1]]);
});

test('applyEvent() forgets jobs that turn out to be others submitted again', () => {
  const progress = after(event('submitted', {}, 'a'), event('duplicateFound', { originalJobId: 'b' }, 'a'));
  assert.deepEqual(countsByState(progress), []);
  assert.equal(hasEnded(progress), false);
});

test('outcomeExitCode() is the worst end', () => {
  const succeeded = event('succeeded', {}, 'a');
  const cancelled = event('cancelled', {}, 'b');
  const rejected = event('failed', { cause: 'Rejected' }, 'c');
  const failed = event('failed', {}, 'd');
  assert.equal(outcomeExitCode(after(succeeded)), 0);
  assert.equal(outcomeExitCode(after(succeeded, cancelled)), 8);
  assert.equal(outcomeExitCode(after(succeeded, cancelled, rejected)), 7);
  assert.equal(outcomeExitCode(after(succeeded, cancelled, rejected, failed)), 1);
});
