import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readHistory, Recorder } from './history.ts';
import { createKiller } from './killer.ts';
import { seeded } from './random.ts';
import type { Fleet } from './storm.ts';

const PROGRAMS = ['redis', 'server-1', 'server-2'];

/** Strikes a pretended fleet, whose programs need some time to start; what was done to it, in order. */
async function strikes(t: TestContext, fleet: Partial<Fleet>, kills: number): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-killer-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'history.jsonl');
  const recorder = new Recorder(path);
  const start = (): Promise<void> => sleep(20);
  const kill = (): Promise<void> => Promise.resolve();
  const plain: Fleet = { address: '', programs: PROGRAMS, maxAwayMs: 0, kill, start, onCollapse: () => {} };
  const killer = createKiller({ ...plain, ...fleet }, recorder, seeded(1), 20);
  for (let killed = 0; killed < kills; ) killed += await killer.strike();
  await killer.allUp();
  await recorder.close();
  return (await readHistory(path)).map((entry) =>
    entry.kind === 'down' || entry.kind === 'up' ? `${entry.kind} ${entry.program}` : entry.kind,
  );
}

/** The programs that are down after each step. */
function downAfter(steps: readonly string[]): Set<string>[] {
  const down = new Set<string>();
  return steps.map((step) => {
    const [kind, program = ''] = step.split(' ');
    if (kind === 'down') {
      assert.ok(!down.has(program), `${program} is killed while it is down`);
      down.add(program);
    } else {
      assert.ok(down.delete(program), `${program} comes up twice`);
    }
    return new Set(down);
  });
}

test('createKiller() brings everything back that it kills, and kills what is up', async (t) => {
  const steps = await strikes(t, { maxAwayMs: 100 }, 30);
  assert.equal(downAfter(steps).at(-1)?.size, 0);
  assert.equal(new Set(steps).size, 2 * PROGRAMS.length, 'each is killed');
});

test('createKiller() waits until all is up again where nothing may stay away', async (t) => {
  const steps = await strikes(t, {}, 12);
  const down = downAfter(steps);
  for (const [index, step] of steps.entries()) {
    const isNext = step.startsWith('down') && steps[index - 1]?.startsWith('up') === true;
    if (isNext) assert.equal(down[index - 1]?.size, 0, steps.join(', '));
  }
});

test('createKiller() rejects with what does not come up, and leaves killing to others where there is nothing', async (t) => {
  const start = (): Promise<void> => Promise.reject(new Error('no'));
  await assert.rejects(strikes(t, { start }, 1), /no/);
  assert.deepEqual(await strikes(t, { programs: [] }, 1), []);
});
