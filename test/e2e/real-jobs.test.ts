import assert from 'node:assert/strict';
import { test } from 'node:test';
import { followToEnd, judge } from './judge.ts';
import { armadactl, startStandalone, temporaryDirectory } from './programs.ts';
import { writeRealJobs } from './real-jobs.ts';

test('a job set of 200 real jobs ends with exactly the states and exit codes it must', async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await startStandalone(`${directory}/data`, [
    '--nodes',
    '4',
    '--cpu',
    '8',
    '--memory',
    '16Gi',
  ]);
  t.after(() => server.kill('SIGKILL'));
  const jobs = await writeRealJobs(directory, 'real', 0.5);

  assert.equal((await armadactl(server.address, 'create', 'queue', 'demo')).code, 0);
  const submitted = await armadactl(server.address, 'submit', jobs.file);
  assert.equal(submitted.code, 0, submitted.stderr);

  const histories = await followToEnd(server.address, { queue: 'demo', jobSetId: 'real' }, 200, 60_000);
  judge(histories, jobs.expected);
  const starts = await jobs.starts();
  assert.equal(new Set(starts).size, starts.length, 'a job ran twice');

  // The order of a success, and what it wrote.
  for (const history of [...histories.values()].slice(0, 5)) {
    const kinds = ['submitted', 'queued', 'leased', 'pending', 'running', 'succeeded'];
    assert.deepEqual(history.kinds, kinds);
    const log = await armadactl(server.address, 'logs', history.jobId);
    assert.equal(log.stdout, jobs.expected.get(history.clientId)?.output);
  }
  const watched = await armadactl(server.address, 'watch', 'demo', 'real', '--exit-if-inactive');
  assert.equal(watched.code, 1, 'watch tells that not all succeeded');

  assert.equal(await server.kill('SIGTERM'), 0, 'stops cleanly');
});
