import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from './failure.ts';
import { parseJobSetFile } from './job-set-file.ts';

const VALID = `
queue: demo
jobSetId: first   # a comment
jobs:
  - priority: 1.5
    labels: {team: red}
    podSpec:
      restartPolicy: Never
      containers:
        - name: main
          image: none
          command: [sh, -c, "echo hi"]
          resources:
            requests: {cpu: 0.2, memory: 64Mi}
            limits: {cpu: 200m, memory: 64Mi}
      volumes:
        - name: settings
          configMap: {name: settings, defaultMode: 0644}
  - namespace: own
    podSpec: {containers: [{name: main, image: none}]}
`;

function faultsOf(text: string): { message: string; details: readonly string[] } {
  try {
    parseJobSetFile({ name: 'jobs.yaml', text });
  } catch (error) {
    assert.ok(error instanceof Failure);
    assert.equal(error.exitCode, 2);
    return { message: error.message, details: error.details };
  }
  return assert.fail('the file was accepted');
}

test('parseJobSetFile() reads what Armada reads', () => {
  const { queue, jobSetId, items } = parseJobSetFile({ name: 'jobs.yaml', text: VALID });
  assert.deepEqual([queue, jobSetId, items.length], ['demo', 'first', 2]);
  const [first, second] = items;
  assert.equal(first?.namespace, 'default');
  assert.equal(first?.priority, 1.5);
  assert.equal(first?.labels.get('team'), 'red');
  const container = first?.podSpec?.containers[0];
  assert.deepEqual(container?.command, ['sh', '-c', 'echo hi']);
  assert.equal(container?.resources?.requests.get('cpu')?.string, '0.2');
  assert.equal(container?.resources?.limits.get('cpu')?.string, '200m');
  assert.equal(second?.namespace, 'own');
});

test('parseJobSetFile() reads numbers with a leading zero as Kubernetes does', () => {
  const { items } = parseJobSetFile({ name: 'jobs.yaml', text: VALID });
  assert.equal(items[0]?.podSpec?.volumes[0]?.volumeSource?.configMap?.defaultMode, 0o644);
});

test('parseJobSetFile() reads JSON, and merge keys of YAML', () => {
  const json = JSON.stringify({ queue: 'demo', jobSetId: 'set', jobs: [{ podSpec: { containers: [] } }] });
  assert.equal(parseJobSetFile({ name: 'jobs.json', text: json }).items.length, 1);
  const merged = `
queue: demo
jobSetId: set
jobs:
  - &job {priority: 3, podSpec: {containers: []}}
  - {<<: *job, namespace: own}
`;
  const { items } = parseJobSetFile({ name: 'jobs.yaml', text: merged });
  assert.deepEqual(
    items.map(({ priority, namespace }) => [priority, namespace]),
    [
      [3, 'default'],
      [3, 'own'],
    ],
  );
});

test('parseJobSetFile() names line, path and a near name of every unknown key', () => {
  const { message, details } = faultsOf(
    VALID.replace('jobSetId:', 'jobSet:')
      .replace('image: none', 'imge: none')
      .replace('name: main, image', 'nme: main, image'),
  );
  assert.equal(message, 'jobs.yaml has 4 faults');
  assert.deepEqual(details, [
    'line 3: jobSet: unknown key; did you mean "jobSetId"?',
    'jobSetId: is missing',
    'line 11: jobs[0].podSpec.containers[0].imge: unknown key; did you mean "image"?',
    'line 20: jobs[1].podSpec.containers[0].nme: unknown key; did you mean "name"?',
  ]);
});

test('parseJobSetFile() tells lines in JSON too', () => {
  const json = '{\n "queue": "demo",\n "jobSetId": "set",\n "jobs": [\n  {"prioritty": 1}\n ]\n}';
  assert.deepEqual(faultsOf(json).details, [
    'line 5: jobs[0].prioritty: unknown key; did you mean "priority"?',
  ]);
});

test('parseJobSetFile() refuses values of the wrong kind', () => {
  assert.match(
    faultsOf(VALID.replace('64Mi', '64Mii')).details[0] ?? '',
    /^line 14: .*memory: expected a quantity/,
  );
  assert.match(
    faultsOf(VALID.replace('queue: demo', 'queue: 7')).details[0] ?? '',
    /^line 2: queue: expected text/,
  );
  assert.match(
    faultsOf(VALID.replace('priority: 1.5', 'priority: soon')).details[0] ?? '',
    /jobs\[0\]\.priority/,
  );
});

test('parseJobSetFile() refuses files that are no job set', () => {
  assert.equal(faultsOf('').message, 'jobs.yaml is empty');
  assert.equal(faultsOf('# only a comment\n').message, 'jobs.yaml is empty');
  assert.match(faultsOf('- a\n- b\n').details[0] ?? '', /expected the keys queue, jobSetId, jobs/);
  assert.match(
    faultsOf('queue: a\njobSetId: b\njobs: []\n').details[0] ?? '',
    /jobs: expected a list of at least one/,
  );
  assert.match(faultsOf('queue: a\n---\nqueue: b\n').message, /has 2 documents/);
  assert.equal(faultsOf('queue: [a\n').message, 'jobs.yaml is not valid YAML');
  assert.match(faultsOf('queue: a\nqueue: b\n').details[0] ?? '', /unique/);
});

test('parseJobSetFile() refuses a small file that would fill the memory', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...['b', 'c', 'd', 'e', 'f'].map((name, place) => {
      const before = String.fromCharCode('a'.charCodeAt(0) + place);
      return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join()}]`;
    }),
  ].join('\n');
  assert.match(faultsOf(bomb).message, /alias/i);
});
