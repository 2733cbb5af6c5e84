/** Whatever moment the server is killed at: what it acknowledged is there, and nothing is there by half. */
import type { Store } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Acknowledged } from './crash-child.ts';
import { type Engine, openPlace } from './engine.ts';
import { assertWhole } from './whole.ts';

/** Kills; each takes about a second. */
const KILLS = process.env['ARMADA_TEST_LONG'] ? 100 : 10;
const CHILD = fileURLToPath(new URL('./crash-child.ts', import.meta.url));

export function crashSuite(engine: Engine): void {
  describe('crash', () => {
    it(`loses and tears nothing in ${KILLS} kills`, { timeout: 30_000 + KILLS * 5000 }, async (test) => {
      const { place } = await openPlace(engine, test);
      const acknowledged: Acknowledged[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        acknowledged.push(...(await killWhileAppending(test, engine, place, kill)));
        const store = await engine.open(place);
        try {
          await assertWhole(store);
          await assertKept(store, acknowledged);
        } finally {
          await store.close();
        }
      }
      assert(acknowledged.length > KILLS * 5, `only ${acknowledged.length} batches came to anything`);
    });
  });
}

/** For an engine whose places are for one server at a time. */
export function exclusiveSuite(engine: Engine): void {
  describe('one server', () => {
    it('keeps a second process out, and lets it in after a kill', async (test) => {
      const { place, reopen } = await openPlace(engine, test);
      const store = await reopen();
      const child = spawnChild(test, [engine.module, place, '1', '/dev/null']);
      const [faults] = await Promise.all([text(child.stderr), once(child, 'exit')]);
      assert.match(faults, /UNAVAILABLE/);
      await store.close();
      await killWhileAppending(test, engine, place, 2);
      await assertWhole(await reopen());
    });
  });
}

function spawnChild(test: TestContext, parameters: string[]) {
  const flags = ['--conditions=source', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, CHILD, ...parameters], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  test.after(() => child.kill('SIGKILL'));
  return child;
}

/** Starts a child and kills it some time after it began; what it had acknowledged by then. */
async function killWhileAppending(
  test: TestContext,
  engine: Engine,
  place: string,
  seed: number,
): Promise<Acknowledged[]> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-crash-'));
  test.after(() => rm(directory, { recursive: true }));
  const file = join(directory, 'acknowledged');
  const child = spawnChild(test, [engine.module, place, String(seed), file]);
  const faults = text(child.stderr);
  const exited = once(child, 'exit');
  const started = await Promise.race([once(child.stdout, 'data').then(() => true), exited.then(() => false)]);
  if (!started) assert.fail(await faults);
  await setTimeout(10 + ((seed * 37) % 150));
  child.kill('SIGKILL');
  const [code, signal] = await exited;
  assert.equal(signal, 'SIGKILL', `the child ended by itself (${code}): ${await faults}`);
  // The last line may be cut; it counts only when it is whole.
  const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Acknowledged);
}

/** Every acknowledged sequence is in its stream, with all of its jobs. */
async function assertKept(store: Store, acknowledged: readonly Acknowledged[]): Promise<void> {
  for (const { queue, jobSet, number, jobIds } of acknowledged) {
    const [sequence] = await store.read.stream(queue, jobSet, number - 1, 1);
    assert.equal(sequence?.number, number);
    const found = sequence.events?.events.map(
      ({ event }) => event && 'jobId' in event.value && event.value.jobId,
    );
    assert.deepEqual(found, jobIds);
  }
}
