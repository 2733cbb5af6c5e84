import { LeaseRequest } from '@armada-ts/api/executorapi/executorapi';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSightings } from './sightings.ts';

test('createSightings() has one request of each executor on its way, and keeps the newest after it', () => {
  const sent: string[] = [];
  const sightings = createSightings(({ executorId, maxJobsToLease }) => {
    sent.push(`${executorId} ${maxJobsToLease}`);
  });
  const see = (executorId: string, maxJobsToLease: number): void =>
    sightings.see(LeaseRequest.create({ executorId, maxJobsToLease }));
  for (const nth of [1, 2, 3]) for (const id of ['east', 'west']) see(id, nth);
  assert.deepEqual(sent.splice(0), ['east 1', 'west 1']);
  sightings.saw('east');
  assert.deepEqual(sent.splice(0), ['east 3']);
  sightings.saw('east');
  sightings.saw('west');
  see('east', 4);
  see('west', 4);
  assert.deepEqual(sent, ['west 3', 'east 4']);
});
