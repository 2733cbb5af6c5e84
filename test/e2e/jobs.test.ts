// What became of jobs, asked over the wire: by id, by run, by their address in
// another system, in lists and by armadactl, and that nobody is told of jobs of
// queues that they may not watch.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { JobRunState, JobState } from '@armada-ts/api/api/job';
import { type JobDetails, type JobRunDetails, JobsService } from '@armada-ts/api/api/jobs';
import type { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { SubmitService } from '@armada-ts/api/api/submit';
import {
  cancelJobs,
  cancelJobSet,
  connect,
  type Connection,
  createQueue,
  describeJob,
  type JobFilter,
  listJobs,
} from '@armada-ts/client';
import { stringify } from 'yaml';
import { jobItem } from './items.ts';
import { armadactl, type Standalone, startStandalone, temporaryDirectory } from './programs.ts';
import { writeSettings } from './server.ts';
import { authSettings, OPERATOR, OWNER, passwordOf, queueOf, STRANGER } from './users.ts';
import { eventsUntil, have } from './watching.ts';

const UNKNOWN_JOB = '01f3j0g1md4qx7z5qb148qnh4d';
const UNKNOWN_RUN = '00000000-0000-8000-8000-000000000000';

const directory = await temporaryDirectory({ after });
let server: Standalone;
let owner: Connection;
let operator: Connection;
let stranger: Connection;

before(async () => {
  const auth = authSettings([OPERATOR, OWNER, STRANGER]);
  const settings = await writeSettings(directory, {
    // The executor of this process comes without credentials, and may do nothing else.
    auth: {
      ...auth,
      schemes: ['basic', 'anonymous'],
      permissionGroupMapping: { ...auth.permissionGroupMapping, execute_jobs: ['everyone'] },
    },
    scheduling: { rejectAfterMs: 0 },
  });
  const node = ['--nodes', '1', '--cpu', '2', '--memory', '1Gi'];
  server = await startStandalone(`${directory}/data`, [...node, '--config', settings]);
  const as = (username: string) =>
    connect({ address: server.address, basicAuth: { username, password: passwordOf(username) } });
  [owner, operator, stranger] = [as(OWNER.name), as(OPERATOR.name), as(STRANGER.name)];
  for (const name of ['q1', 'q2']) await createQueue(operator, queueOf(name));
});

after(async () => {
  for (const connection of [owner, operator, stranger]) connection.close();
  await server.kill('SIGKILL');
});

async function submit(jobSetId: string, items: JobSubmitRequestItem[], queue = 'q1'): Promise<string[]> {
  const answer = await operator.call(SubmitService.submitJobs, { queue, jobSetId, jobRequestItems: items });
  return answer.jobResponseItems.map(({ jobId }) => jobId);
}

async function stateOf(jobId: string, asker = owner): Promise<JobState | undefined> {
  return (await asker.call(JobsService.getJobStatus, { jobIds: [jobId] })).jobStates.get(jobId);
}

async function detailsOf(jobId: string): Promise<JobDetails> {
  const request = { jobIds: [jobId], expandJobSpec: true, expandJobRun: true };
  const found = (await owner.call(JobsService.getJobDetails, request)).jobDetails.get(jobId);
  assert.ok(found, `${jobId} has no details`);
  return found;
}

async function runOf(runId: string): Promise<JobRunDetails> {
  const { jobRunDetails } = await owner.call(JobsService.getJobRunDetails, { runIds: [runId, UNKNOWN_RUN] });
  const run = jobRunDetails.get(runId);
  assert.ok(run && jobRunDetails.size === 1);
  return run;
}

const errorsOf = async (jobIds: string[], asker = owner): Promise<Map<string, string>> =>
  (await asker.call(JobsService.getJobErrors, { jobIds })).jobErrors;

async function listed(filter: JobFilter, asker = owner): Promise<string[]> {
  const found: string[] = [];
  for await (const { jobId } of listJobs(asker, filter)) found.push(jobId);
  return found;
}

const until = (jobSetId: string, ...what: Parameters<typeof have>) =>
  eventsUntil(operator, { queue: 'q1', jobSetId }, have(...what));

const activeQueues = async (asker: Connection): Promise<string[] | undefined> =>
  (await asker.call(JobsService.getActiveQueues, {})).activeQueuesByPool.get('default')?.queues;

test('a job is followed from the queue to its end', async () => {
  const go = `${directory}/go`;
  const waiting = ['sh', '-c', `until [ -e ${go} ]; do sleep 0.05; done`];
  const [jobId = ''] = await submit('life', [jobItem({ command: waiting, priority: 3 })]);
  await until('life', 'running', 1);
  assert.equal(await stateOf(jobId), JobState.RUNNING);
  const running = await detailsOf(jobId);
  assert.deepEqual(
    [running.queue, running.jobset, running.namespace, running.state, running.cancelTs],
    ['q1', 'life', 'default', JobState.RUNNING, undefined],
  );
  assert.deepEqual(
    [running.jobSpec?.id, running.jobSpec?.owner, running.jobSpec?.priority, running.jobSpec?.created],
    [jobId, OPERATOR.name, 3, running.submittedTs],
  );
  assert.deepEqual(running.jobSpec?.podSpec?.containers[0]?.command, waiting);
  const run = await runOf(running.latestRunId);
  assert.deepEqual(running.jobRuns, [run]);
  assert.deepEqual(
    [run.jobId, run.state, run.cluster, run.finishedTs],
    [jobId, JobRunState.RUN_STATE_RUNNING, 'local', undefined],
  );
  assert.deepEqual(run.startedTs, running.lastTransitionTs);
  assert.deepEqual(await activeQueues(owner), ['q1']);
  assert.equal(await activeQueues(stranger), undefined);

  await writeFile(go, '');
  await until('life', 'succeeded', 1);
  assert.equal(await stateOf(jobId), JobState.SUCCEEDED);
  const ended = await runOf(running.latestRunId);
  assert.equal(ended.state, JobRunState.RUN_STATE_SUCCEEDED);
  assert.ok(ended.finishedTs && ended.leasedTs && ended.pendingTs);
  assert.deepEqual([...(await errorsOf([jobId]))], [[jobId, '']]);
  assert.equal((await describeJob(owner, jobId)).job?.exitCode, 0);
});

test('a job that failed and one that fits no node say why', async () => {
  const [failed = '', rejected = ''] = await submit('errors', [
    jobItem({ command: ['sh', '-c', 'exit 3'] }),
    jobItem({ cpu: '64' }),
  ]);
  await until('errors', 'failed', 2);
  const errors = await errorsOf([failed, rejected, UNKNOWN_JOB]);
  assert.deepEqual([...errors.keys()].sort(), [failed, rejected].sort());
  assert.match(errors.get(failed) ?? '', /exited with code 3/);
  assert.match(errors.get(rejected) ?? '', /cpu/);
  assert.equal(await stateOf(rejected), JobState.REJECTED);
  assert.equal((await detailsOf(failed)).jobRuns[0]?.state, JobRunState.RUN_STATE_FAILED);
  assert.deepEqual((await detailsOf(rejected)).jobRuns, []);
  assert.deepEqual(await listed({ jobSetId: 'errors', states: [JobState.REJECTED] }), [rejected]);

  const { job, runs } = await describeJob(owner, failed);
  assert.deepEqual([job?.exitCode, job?.reason, runs.length], [3, errors.get(failed), 1]);
  assert.deepEqual([runs[0]?.exitCode, runs[0]?.error], [3, errors.get(failed)]);
});

test('a cancelled job says when, by whom and why, be it cancelled by id or with its set', async () => {
  const [byId = '', bySet = ''] = await submit('cancel', [jobItem({}), jobItem({})]);
  await until('cancel', 'running', 2);
  await cancelJobs(owner, { jobIds: [byId], reason: 'wrong input' });
  await until('cancel', 'cancelled', [byId]);
  await cancelJobSet(operator, { queue: 'q1', jobSetId: 'cancel', reason: 'no more' });
  await until('cancel', 'cancelled', 2);
  for (const [jobId, user, reason] of [
    [byId, OWNER.name, 'wrong input'],
    [bySet, OPERATOR.name, 'no more'],
  ] as const) {
    const details = await detailsOf(jobId);
    assert.deepEqual(
      [details.state, details.cancelUser, details.cancelReason, details.jobRuns[0]?.state],
      [JobState.CANCELLED, user, reason, JobRunState.RUN_STATE_CANCELLED],
    );
    assert.ok(details.cancelTs);
    assert.deepEqual(details.cancelTs, details.lastTransitionTs);
    const { job, cancel } = await describeJob(owner, jobId);
    assert.deepEqual([job?.reason, cancel?.user], [`cancelled by ${user}: ${reason}`, user]);
  }
});

test('jobs are found by their address in another system, within their job set', async () => {
  const externalJobUri = 'https://example.com/build/7';
  const item = { ...jobItem({ command: ['true'] }), externalJobUri };
  const ids = await submit('uri', [item, jobItem({ command: ['true'] }), item]);
  await submit('uri-too', [item]);
  await until('uri', 'succeeded', 3);
  const ask = async (question: object, asker = owner) => {
    const request = { queue: 'q1', jobset: 'uri', externalJobUri, ...question };
    return (await asker.call(JobsService.getJobStatusUsingExternalJobUri, request)).jobStates;
  };
  assert.deepEqual(
    [...(await ask({}))],
    [
      [ids[0], JobState.SUCCEEDED],
      [ids[2], JobState.SUCCEEDED],
    ],
  );
  assert.equal((await ask({ externalJobUri: 'https://example.com/build' })).size, 0);
  assert.equal((await ask({}, stranger)).size, 0);
  await assert.rejects(ask({ externalJobUri: '' }), { code: 'INVALID_ARGUMENT', reason: 'INVALID_REQUEST' });
});

test('jobs of others are like jobs that do not exist, in every answer', async () => {
  const [mine = ''] = await submit('hidden', [jobItem({ command: ['true'] })]);
  const [theirs = ''] = await submit('hidden', [jobItem({ cpu: '64' })], 'q2');
  await until('hidden', 'succeeded', 1);
  const { latestRunId } = await detailsOf(mine);
  assert.equal(await stateOf(mine), JobState.SUCCEEDED);
  assert.equal(await stateOf(theirs), JobState.UNKNOWN);
  assert.equal(await stateOf(mine, stranger), JobState.UNKNOWN);
  assert.deepEqual([...(await errorsOf([mine, theirs])).keys()], [mine]);
  const request = { jobIds: [mine, theirs], expandJobSpec: true, expandJobRun: true };
  const details = async (asker: Connection) => [
    ...(await asker.call(JobsService.getJobDetails, request)).jobDetails.keys(),
  ];
  assert.deepEqual(await details(owner), [mine]);
  assert.deepEqual(await details(stranger), []);
  assert.equal((await details(operator)).length, 2);
  const runs = await stranger.call(JobsService.getJobRunDetails, { runIds: [latestRunId] });
  assert.equal(runs.jobRunDetails.size, 0);

  const set = { jobSetId: 'hidden' };
  assert.deepEqual(await listed(set), [mine]);
  assert.deepEqual(await listed(set, stranger), []);
  assert.deepEqual(await listed(set, operator), [mine, theirs]);
  await assert.rejects(listed({ queue: 'q2' }), { code: 'PERMISSION_DENIED' });
  await assert.rejects(listed({ queue: 'q3' }), { code: 'NOT_FOUND', reason: 'QUEUE_NOT_FOUND' });
  await assert.rejects(describeJob(owner, theirs), {
    code: 'NOT_FOUND',
    message: `job ${theirs} does not exist`,
  });
});

test('a list of more jobs than one page has is whole, while others are submitted', async () => {
  const item = jobItem({ cpu: '2' });
  const ids: string[] = [];
  for (let i = 0; i < 3; i++)
    ids.push(
      ...(await submit(
        'many',
        Array.from({ length: 400 }, () => item),
      )),
    );
  const found: string[] = [];
  for await (const { jobId } of listJobs(owner, { queue: 'q1', jobSetId: 'many' })) {
    if (found.length === 0) await submit('before', [item]);
    found.push(jobId);
  }
  assert.deepEqual(found, ids);
  await cancelJobSet(operator, { queue: 'q1', jobSetId: 'many' });
  await cancelJobSet(operator, { queue: 'q1', jobSetId: 'before' });
  await until('many', 'cancelled', ids.length);
});

test('armadactl lists jobs and describes them', async () => {
  const config = `${directory}/armadactl.yaml`;
  const basicAuth = { username: OWNER.name, password: passwordOf(OWNER.name) };
  await writeFile(config, stringify({ armadaUrl: server.address, basicAuth }), { mode: 0o600 });
  const run = (...args: string[]) => armadactl(server.address, '--config', config, ...args);
  const [good = '', bad = ''] = await submit('shown', [
    jobItem({ command: ['true'] }),
    jobItem({ command: ['sh', '-c', 'exit 4'] }),
  ]);
  await until('shown', 'failed', [bad]);
  await until('shown', 'succeeded', [good]);
  const { code, stdout, stderr } = await run('get', 'jobs', '--queue', 'q1', '--job-set', 'shown');
  assert.equal(code, 0, stderr);
  const [titles = '', first = '', second = '', ...more] = stdout.split('\n');
  assert.match(titles, /^ID +STATE +QUEUE +JOB SET /);
  assert.match(first, new RegExp(`^${good} +succeeded +q1 +shown .* local +\\S+ +0$`));
  assert.match(second, new RegExp(`^${bad} +failed +q1 +shown .* 4 +.*exited with code 4$`));
  assert.deepEqual(more, ['']);

  const described = await run('describe', 'job', bad);
  assert.equal(described.code, 0, described.stderr);
  assert.match(described.stdout, /^State: +failed since \S+Z$/m);
  assert.match(described.stdout, /^ {2}\S{36} {2}failed, exit code 4$/m);
  assert.match(described.stdout, /^ {4}requests: +cpu 1, memory 16Mi$/m);
  assert.equal((await run('describe', 'job', UNKNOWN_JOB)).code, 3);
});
