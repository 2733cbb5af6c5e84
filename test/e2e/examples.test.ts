import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { followToEnd } from './judge.ts';
import { armadactl, root, startStandalone, temporaryDirectory } from './programs.ts';

/** How the jobs of each example end; queue.yaml defines a queue. */
const OUTCOMES: Record<string, string[]> = {
  'env.yaml': ['succeeded'],
  'failures.yaml': ['failed', 'failed', 'failed', 'failed'],
  'hello.yaml': ['succeeded'],
  'placement.yaml': ['succeeded', 'succeeded', 'succeeded'],
  'preemptible.yaml': ['succeeded'],
  'priorities.yaml': ['succeeded', 'succeeded', 'succeeded'],
  'words.yaml': ['succeeded', 'succeeded', 'succeeded', 'succeeded'],
};

test('every example job set runs and ends as its description says', async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await startStandalone(join(directory, 'data'), [
    '--nodes',
    '2',
    '--cpu',
    '2',
    '--memory',
    '1Gi',
  ]);
  t.after(() => server.kill('SIGKILL'));
  const examples = join(root, 'docs/examples');
  const files = (await readdir(examples)).filter((file) => file.endsWith('.yaml') && file !== 'queue.yaml');
  assert.deepEqual(files.sort(), Object.keys(OUTCOMES));

  const created = await armadactl(server.address, 'create', '-f', join(examples, 'queue.yaml'));
  assert.equal(created.code, 0, created.stderr);
  await armadactl(server.address, 'create', 'queue', 'demo');
  await Promise.all(
    Object.entries(OUTCOMES).map(async ([file, outcomes]) => {
      const submitted = await armadactl(server.address, 'submit', join(examples, file));
      assert.equal(submitted.code, 0, submitted.stderr);
      const jobSet = { queue: 'demo', jobSetId: file.replace('.yaml', '') };
      const histories = await followToEnd(server.address, jobSet, outcomes.length, 30_000);
      assert.deepEqual(
        [...histories.values()].map(({ kinds }) => kinds.at(-1)),
        outcomes,
        file,
      );
    }),
  );
  const again = await armadactl(server.address, 'submit', join(examples, 'words.yaml'));
  assert.equal(again.code, 0, again.stderr);
  const words = await followToEnd(server.address, { queue: 'demo', jobSetId: 'words' }, 4, 10_000);
  for (const jobId of words.keys())
    assert.match(again.stdout, new RegExp(jobId), 'a repeated submit is the same jobs');
});
