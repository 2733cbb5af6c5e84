import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSightings, type Sightings } from './sightings.ts';

function setUp(): {
  sightings: Sightings;
  sent: string[];
  see: (executorId: string, nth: number, isRepeated?: boolean) => void;
} {
  const sent: string[] = [];
  const sightings = createSightings((sighting) => {
    sent.push(`${sighting.executorId} ${sighting.encoded()[0]}`);
  });
  const see = (executorId: string, nth: number, isRepeated = false): void =>
    sightings.see({ executorId, encoded: () => Uint8Array.of(nth), isRepeated });
  return { sightings, sent, see };
}

test('createSightings() has one request of each executor on its way, and keeps the newest after it', () => {
  const { sightings, sent, see } = setUp();
  sightings.open();
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

test('what is repeated takes the place of nothing', () => {
  const { sightings, sent, see } = setUp();
  sightings.open();
  see('east', 1, true);
  see('east', 2);
  see('east', 1, true);
  sightings.saw('east');
  sightings.saw('east');
  see('east', 2, true);
  assert.deepEqual(sent, ['east 1', 'east 2', 'east 2']);
});

test('what is shown before the thread leads is kept until it does, unless another server leads', () => {
  const { sightings, sent, see } = setUp();
  see('east', 1);
  sightings.forget();
  see('west', 1, true);
  see('west', 2);
  see('west', 1, true);
  assert.deepEqual(sent, []);
  sightings.open();
  assert.deepEqual(sent.splice(0), ['west 2']);
  sightings.close();
  see('west', 3);
  sightings.saw('west');
  assert.deepEqual(sent, []);
  sightings.open();
  assert.deepEqual(sent, ['west 3']);
});
