// The command line against a whole Armada, as somebody at a shell has it: what
// is printed where, exit codes, and that nothing happens twice.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { armadactl, type Finished, type Standalone, startStandalone } from './programs.ts';

const directory = mkdtempSync(join(tmpdir(), 'armada-ctl-'));
let server: Standalone;

before(async () => {
  server = await startStandalone(join(directory, 'data'));
});

after(async () => {
  await server.kill('SIGTERM');
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

function ctl(...args: string[]): Promise<Finished> {
  return armadactl(server.address, ...args);
}

/** What a command printed that must succeed. */
async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ctl(...args);
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
  return stdout;
}

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function job(command: string): string {
  const resources = '{requests: {cpu: 100m, memory: 32Mi}, limits: {cpu: 100m, memory: 32Mi}}';
  return `  - podSpec: {containers: [{name: main, image: none, command: [sh, -c, "${command}"], resources: ${resources}}]}\n`;
}

function jobSet(queue: string, name: string, ...commands: string[]): string {
  return `queue: ${queue}\njobSetId: ${name}\njobs:\n${commands.map(job).join('')}`;
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

test('version --server names the store of the real server, its level and its members', async () => {
  const [own, ...told] = lines(await done('version', '--server'));
  assert.match(own ?? '', /^armadactl \d/);
  const [name, store, level, alive] = told;
  assert.match(name ?? '', /^server \S+ \d+\.\d+\.\d+$/);
  assert.match(store ?? '', /^store sqlite \//);
  assert.match(level ?? '', /^acknowledgement synced: .*power loss/);
  assert.match(alive ?? '', new RegExp(`^alive \\S+ \\S+ at ${server.address}`));
  let health = await fetch(`${server.url}/health?verbose`);
  // Right after the start everything is still being loaded.
  for (let tries = 0; health.status !== 200 && tries < 100; tries++) {
    await sleep(50);
    health = await fetch(`${server.url}/health?verbose`);
  }
  assert.equal(health.status, 200);
  assert.match(await health.text(), /^store sqlite .*, acknowledgement synced\nserver /);
});

test('update queue changes what is given, shows it, and leaves the rest', async () => {
  await done('create', 'queue', 'patched', '--owners', 'anna', '--labels', 'team=red,site=x');
  const changed = await done(
    ...'update queue patched --priority-factor 2 --labels team=blue,site= --cordon'.split(' '),
    ...'--permission Group:red=submit,watch --resource-limits armada-default:cpu=0.5'.split(' '),
  );
  assert.deepEqual(lines(changed).sort(), [
    '  cordoned: (not set) -> true',
    '  labels.site: x -> (not set)',
    '  labels.team: red -> blue',
    '  permissions.Group:red: (not set) -> submit,watch',
    '  priorityFactor: 1 -> 2',
    '  resourceLimitsByPriorityClassName.armada-default.maximumResourceFraction.cpu: (not set) -> 0.5',
    'Updated queue patched',
  ]);
  assert.equal(
    await done('update', 'queue', 'patched', '--owners', 'ben', '--dry-run', '-o', 'name'),
    'patched\n',
  );
  assert.equal(
    await done('update', 'queue', 'patched', '--priority-factor', '2'),
    'Queue patched is as it should be\n',
  );
  assert.match(
    await done('update', 'queue', 'patched', '--owners', 'ben', '--no-cordon'),
    /User:anna: .* -> \(not set\)/,
  );
  const template = '{.priorityFactor} {.labels} {.permissions[*].subjects[0].name} {.cordoned}';
  assert.equal(
    await done('get', 'queue', 'patched', '-o', `jsonpath=${template}`),
    '2 {"team":"blue"} ben red \n',
  );
  const unknown = await ctl('update', 'queue', 'pathced', '--cordon');
  assert.deepEqual([unknown.code, unknown.stdout], [3, '']);
  assert.match(unknown.stderr, /queue "pathced" does not exist\n {2}did you mean "patched"\?/);
  const again = await ctl('create', 'queue', 'patched');
  assert.equal(again.code, 1);
  assert.match(again.stderr, /exists already; update it instead\n {2}`armadactl update queue` changes it/);
});

test('apply makes queues and jobs be as files say, and nothing the second time', async () => {
  const both = file(
    'both.yaml',
    `kind: Queue\nname: applied\npriorityFactor: 2\n---\n${jobSet('applied', 'first', 'true', 'true')}`,
  );
  const planned = await done('apply', '-f', both, '--dry-run');
  assert.match(
    planned,
    /Queue applied would be created\n {2}priorityFactor: 1 -> 2\n.*2 jobs would be submitted, 0 are/,
  );
  assert.equal((await ctl('get', 'queue', 'applied')).code, 3, 'a dry run makes nothing');

  const first = lines(await done('apply', '-f', both));
  assert.deepEqual([first[0], first.length], ['Created queue applied', 3]);
  const ids = lines(await done('get', 'jobs', '-q', 'applied', '-o', 'name'));
  assert.equal(ids.length, 2);
  const second = await done('apply', '-f', both, '-o', 'json');
  assert.deepEqual(
    lines(second).map((line) => (JSON.parse(line) as { action: string }).action),
    ['unchanged', 'unchanged', 'unchanged'],
  );
  assert.deepEqual(lines(await done('get', 'jobs', '-q', 'applied', '-o', 'name')), ids);

  const changed = file('changed.yaml', 'kind: Queue\nname: applied\nlabels: {team: red}\n');
  assert.equal(
    await done('apply', '-f', changed),
    'Updated queue applied\n  labels.team: (not set) -> red\n',
  );
  assert.equal(await done('get', 'queue', 'applied', '-o', 'jsonpath={.priorityFactor}'), '2\n');
  const wrong = await ctl('apply', '-f', both, '-f', file('wrong.yaml', 'kind: Queue\nnam: x\n'));
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /wrong\.yaml has a fault\n {2}line 2: nam: unknown key; did you mean "name"\?/);
});

test('submit takes several files and folders, makes nothing twice, and tells what was refused where', async () => {
  await done('create', 'queue', 'files');
  const one = file('one.yaml', jobSet('files', 'one', 'true', 'true'));
  const two = file('two.yaml', jobSet('files', 'two', 'true'));
  const ids = lines(await done('submit', one, two, '-o', 'name'));
  assert.equal(new Set(ids).size, 3);
  const repeated = await done('submit', two, one);
  assert.equal(repeated.match(/^Already submitted: job with id: /gm)?.length, 3);
  assert.equal(lines(await done('get', 'jobs', '-q', 'files', '-o', 'name')).length, 3);
  const anew = lines(await done('submit', two, '--again', '-o', 'name'));
  assert.ok(!ids.includes(anew[0] ?? ''));

  const partly = file(
    'partly.yaml',
    jobSet('files', 'partly', 'true').concat(job('true').replace('100m', '-1')),
  );
  const refused = await ctl('submit', partly, one);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /partly\.yaml: the server refused 1 of 2 jobs\n {2}line 5: jobs\[1\]\./);
  assert.equal(lines(refused.stdout).length, 3, 'the others are submitted');
  const faulty = await ctl(
    'submit',
    one,
    file('faulty.yaml', 'queue: files\njobSetID: x\n'),
    join(directory, 'none'),
  );
  assert.equal(faulty.code, 2);
  assert.equal(faulty.stdout, '');
});

test('wait and retry: exit codes tell the outcome, and a job is retried once', async () => {
  await done('create', 'queue', 'ends');
  const mixed = file('mixed.yaml', jobSet('ends', 'mixed', 'true', 'exit 3'));
  const waited = await ctl('submit', mixed, '--wait', '--timeout', '30s');
  assert.equal(waited.code, 1);
  const [good = '', bad = ''] = lines(await done('get', 'jobs', '-q', 'ends', '-o', 'name'));
  assert.match(waited.stdout, new RegExp(`Job ${good} succeeded\nJob ${bad} failed\n$`));
  assert.equal((await ctl('wait', 'job', good)).code, 0);
  assert.equal((await ctl('wait', 'job', good, '--for', 'running')).code, 0);
  assert.equal((await ctl('wait', 'job', bad, '--for', 'succeeded')).code, 1);
  assert.equal((await ctl('wait', 'job', good, bad, '--for', 'failed', '--any')).code, 0);
  const set = await ctl('wait', 'job-set', 'ends', 'mixed');
  assert.deepEqual([set.code, set.stdout], [1, 'Job set mixed: 1 succeeded, 1 failed\n']);
  assert.equal((await ctl('wait', 'job-set', 'ends', 'none')).code, 3);

  const [retried = ''] = lines(await done('retry', 'job', bad, '-o', 'name'));
  assert.notEqual(retried, bad);
  assert.equal(await done('retry', 'job', bad), `${bad} was retried already, as ${retried}\n`);
  assert.equal((await ctl('wait', 'job', retried)).code, 1);
  assert.equal(
    await done('describe', 'job', retried, '-o', 'jsonpath={.spec.podSpec.containers[0].command[2]}'),
    'exit 3\n',
  );
  const succeeded = await ctl('retry', 'job', good);
  assert.equal(succeeded.code, 1);
  assert.match(
    succeeded.stderr,
    new RegExp(`only jobs that have ended without success .*\n {2}${good} is succeeded`),
  );
  assert.equal(lines(await done('retry', 'job-set', 'ends', 'mixed')).length, 2);
});

test('wait gives up in time, and executors, queues and jobs are stopped as Armada has it', async () => {
  await done('create', 'queue', 'busy', '--labels', 'team=busy');
  await done('submit', file('long.yaml', jobSet('busy', 'long', 'sleep 100', 'sleep 101')));
  const [one = '', other = ''] = lines(await done('get', 'jobs', '-q', 'busy', '-o', 'name'));
  assert.equal((await ctl('wait', 'job', one, other, '--for', 'running', '--timeout', '20s')).code, 0);
  const late = await ctl('wait', 'job', one, '--timeout', '200ms');
  assert.equal(late.code, 6);
  assert.match(late.stderr, /gave up waiting after 0\.2 s: 1 running/);
  assert.match(await done('get', 'job-sets', 'busy', '--no-headers'), /^long +0 +2\n$/);
  assert.match(await done('describe', 'queue', 'busy'), /Jobs: +0 queued, 2 leased, pending or running/);

  const refused = await ctl('preempt', 'job', 'busy', 'long', one, 'make room');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /which is not preemptible/);
  assert.equal((await ctl('cancel', 'executor', 'local')).code, 2, 'priority classes must be said');
  assert.match(
    await done('cancel', 'queues', '-l', 'team=busy', '-s', 'running', '-a', '--dry-run'),
    /queue busy would/,
  );
  await done('cordon', 'executor', 'local', 'maintenance');
  await done('uncordon', 'executor', 'local');
  assert.equal(
    await done('cancel', 'on-executor', 'local', '-q', 'busy', '-a'),
    'Requested cancellation of jobs on executor local\n',
  );
  assert.equal((await ctl('wait', 'job', one, other, '--timeout', '30s')).code, 8);
});
