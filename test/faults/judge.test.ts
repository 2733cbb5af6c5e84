// The judge itself is judged: histories with one fault planted each must not
// pass, and one without must.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Entry, type EventEntry, type ProcessEntry, readHistory, Recorder } from './history.ts';
import { startProgram } from '../e2e/programs.ts';
import { type Breach, judgeHistory } from './judge.ts';

const LIFE = ['submitted', 'queued', 'leased', 'pending', 'running', 'succeeded'];

/** Events of a reader, one after another in a second each. */
function events(reader: string, ...lives: [jobId: string, ...events: string[]][]): EventEntry[] {
  return lives
    .flatMap(([jobId, ...kinds]) => kinds.map((event) => ({ jobId, event })))
    .map(({ jobId, event }, index) => ({
      kind: 'event',
      reader,
      jobSet: 'set',
      id: `1:${index}:0:1`,
      jobId,
      event,
      createdMs: index * 1_000,
      ...(event === 'submitted' && { clientId: `client-of-${jobId}` }),
    }));
}

function submit(jobId: string, clientId = `client-of-${jobId}`): Entry {
  const what = { kind: 'submit', queue: 'queue', jobSet: 'set', clientId, expect: 'succeeded' } as const;
  return { ...what, outcome: 'acknowledged', jobId };
}

function line(kind: 'start' | 'end', runId: string, pid: number, timeMs: number): ProcessEntry {
  return { kind, jobId: 'a', runId, pid, timeMs };
}

interface Parts {
  asked: Entry[];
  whole: EventEntry[];
  watched: EventEntry[];
  processes: ProcessEntry[];
  programs: Entry[];
  finishMs: number;
}

/** Two jobs that went well, seen by a watcher that broke off once, and what is different about them. */
function history(different: Partial<Parts> = {}): Entry[] {
  const whole = different.whole ?? events('final', ['a', ...LIFE], ['b', ...LIFE]);
  const watched = different.watched ?? whole.map((event) => ({ ...event, reader: 'watcher' }));
  const parts: Parts = {
    asked: [submit('a'), submit('b')],
    processes: [line('start', 'run-1', 7, 3_000), line('end', 'run-1', 7, 4_000)],
    programs: [],
    finishMs: 20_000,
    ...different,
    whole,
    watched,
  };
  const middle = Math.floor(watched.length / 2);
  const fromId = watched[middle - 1]?.id ?? '';
  return [
    ...parts.asked,
    ...parts.programs,
    ...watched.slice(0, middle),
    { kind: 'resume', reader: 'watcher', jobSet: 'set', fromId, reason: 'gone' },
    ...watched.slice(middle),
    ...whole,
    { kind: 'finish', timeMs: parts.finishMs },
    ...parts.processes,
  ];
}

const RETRIED = ['submitted', 'queued', 'leased', 'leaseExpired', 'queued', 'leased', 'running', 'succeeded'];
const seen = (): EventEntry[] => events('watcher', ['a', ...LIFE], ['b', ...LIFE]);
const twoRuns = [
  line('start', 'run-1', 7, 3_000),
  line('start', 'run-2', 8, 700_000),
  line('end', 'run-1', 7, 701_000),
  line('end', 'run-2', 8, 702_000),
];
const away: Entry[] = [
  { kind: 'down', program: 'executor', timeMs: 4_000 },
  { kind: 'up', program: 'executor', timeMs: 690_000 },
];

const FAULTS: Readonly<Record<string, [breach: Breach, history: Entry[]]>> = {
  'a job that nobody knows': ['lost', history({ whole: events('final', ['a', ...LIFE]) })],
  'a job that ended twice': [
    'doubled',
    history({ whole: events('final', ['a', ...LIFE, 'succeeded'], ['b', ...LIFE]) }),
  ],
  'a job that is there twice': [
    'doubled',
    history({ whole: events('final', ['a', 'submitted', ...LIFE], ['b', ...LIFE]) }),
  ],
  'a job that was leased twice': [
    'doubled',
    history({ whole: events('final', ['a', 'submitted', 'leased', 'leased', 'succeeded'], ['b', ...LIFE]) }),
  ],
  'an acknowledged preemption of which nothing came': [
    'forgotten',
    [...history(), { kind: 'preempt', jobId: 'a', outcome: 'acknowledged' }],
  ],
  'a program that ended by itself': [
    'collapse',
    [...history(), { kind: 'collapse', program: 'server', text: 'an error', timeMs: 1 }],
  ],
  'a run that was started twice': [
    'doubled',
    history({
      processes: [1, 2].flatMap((pid) => [line('start', 'run', pid, pid), line('end', 'run', pid, pid)]),
    }),
  ],
  'a run without a lease': [
    'doubled',
    history({
      processes: ['run-1', 'run-2'].flatMap((run, pid) => [
        line('start', run, pid, pid),
        line('end', run, pid, pid),
      ]),
    }),
  ],
  'two processes of a job without a silence': [
    'overlap',
    history({ whole: events('final', ['a', ...RETRIED], ['b', ...LIFE]), processes: twoRuns }),
  ],
  'a leased job that goes no further': [
    'stuck',
    history({
      whole: events('final', ['b', ...LIFE], ['a', 'submitted', 'queued', 'leased']),
      finishMs: 80_000,
    }),
  ],
  'a queued job that goes no further': [
    'stuck',
    history({ whole: events('final', ['b', ...LIFE], ['a', 'submitted', 'queued']), finishMs: 80_000 }),
  ],
  'a run that rested for long': [
    'stuck',
    history({
      whole: events('final', ['a', ...LIFE], ['b', ...LIFE]).map((event, index) =>
        index < 5 ? event : { ...event, createdMs: event.createdMs + 60_000 },
      ),
    }),
  ],
  'a job that was given too little time': [
    'unfinished',
    history({ whole: events('final', ['b', ...LIFE], ['a', 'submitted', 'queued']) }),
  ],
  'a job that failed for no reason': [
    'wrong-end',
    history({ whole: events('final', ['a', ...LIFE.slice(0, -1), 'failed'], ['b', ...LIFE]) }),
  ],
  'an event after the end': [
    'after-end',
    history({ whole: events('final', ['a', ...LIFE, 'running'], ['b', ...LIFE]) }),
  ],
  'an event after a preemption was told': [
    'after-end',
    history({
      whole: events('final', ['a', 'submitted', 'leased', 'preempted', 'failed', 'leased'], ['b', ...LIFE]),
    }),
  ],
  'a preempted job that succeeded': [
    'doubled',
    history({
      whole: events('final', ['a', 'submitted', 'leased', 'preempted', 'succeeded'], ['b', ...LIFE]),
    }),
  ],
  'a job that does not begin with its submit': [
    'disorder',
    history({
      whole: events('final', ['a', ...LIFE.toSpliced(0, 2, 'queued', 'submitted')], ['b', ...LIFE]),
    }),
  ],
  'a job that nobody submitted': [
    'invented',
    history({ whole: events('final', ['a', ...LIFE], ['b', ...LIFE], ['c', ...LIFE]) }),
  ],
  'a watcher that missed an event': ['gap', history({ watched: seen().toSpliced(6, 1) })],
  'a watcher that missed the end': ['gap', history({ watched: seen().slice(0, -1) })],
  'a watcher that was told twice': ['repeat', history({ watched: seen().toSpliced(6, 0, seen()[5]!) })],
  'a watcher that was told in another order': [
    'disorder',
    history({ watched: seen().toSpliced(3, 2, seen()[4]!, seen()[3]!) }),
  ],
  'an event that went with the server': [
    'invented',
    history({ watched: seen().toSpliced(3, 0, { ...seen()[3]!, id: '1:99:0:1' }) }),
  ],
  'another event under the same id': [
    'invented',
    history({ watched: seen().toSpliced(3, 1, { ...seen()[3]!, event: 'failed' }) }),
  ],
  'another job for a client id': [
    'changed-id',
    history({ asked: [submit('a'), submit('b'), submit('b', 'client-of-a')] }),
  ],
  'another client id for a job': [
    'changed-id',
    history({ asked: [submit('a'), submit('b'), submit('a', 'x')] }),
  ],
  'a valid submit that was refused': [
    'refused',
    history({
      asked: [
        submit('a'),
        submit('b'),
        { kind: 'submit', queue: 'queue', jobSet: 'set', clientId: 'c', expect: 'any', outcome: 'refused' },
      ],
    }),
  ],
  'a cancellation of which nothing came': [
    'forgotten',
    history({ asked: [submit('a'), submit('b'), { kind: 'cancel', jobId: 'a', outcome: 'acknowledged' }] }),
  ],
};

const breaches = (entries: Entry[]): Breach[] => judgeHistory(entries).violations.map(({ breach }) => breach);

for (const [name, [breach, entries]] of Object.entries(FAULTS)) {
  test(`the judge finds ${name}`, () => {
    assert.ok(breaches(entries).includes(breach), `${breach} is not among: ${breaches(entries).join(', ')}`);
  });
}

test('the judge has nothing to say about innocent histories', () => {
  assert.deepEqual(breaches(history()), []);
  const repeated = [submit('a'), submit('b'), submit('a'), submit('b')];
  assert.deepEqual(breaches(history({ asked: repeated })), []);
  const waiting = { watched: seen(), whole: seen().map((event) => ({ ...event, reader: 'final' })) };
  assert.deepEqual(breaches(history({ ...waiting, finishMs: 500_000 })), [], 'ended long ago');
  const whole = events(
    'final',
    ['a', 'submitted', 'leased', 'preempting', 'preempted', 'failed'],
    ['b', ...LIFE],
  );
  const [one, ...others] = history({ whole });
  assert.ok(one?.kind === 'submit');
  assert.deepEqual(
    breaches([{ ...one, expect: 'any' }, ...others]),
    [],
    'a preempted job has failed as well',
  );
});

test('the judge counts two processes of a job after a long silence, and allows them', () => {
  const whole = events('final', ['a', ...RETRIED], ['b', ...LIFE]);
  const verdict = judgeHistory(history({ whole, processes: twoRuns, programs: away }));
  assert.deepEqual(verdict.violations, []);
  assert.equal(verdict.overlaps, 1);
  assert.equal(verdict.kills, 1);
  assert.equal(verdict.resumes, 1);
});

test('a history that was recorded is read back as it was, and judged by the program', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'armada-history-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'history.jsonl');
  const recorder = new Recorder(path);
  for (const entry of history()) recorder.record(entry);
  await recorder.close();
  assert.deepEqual(await readHistory(path), history());
  assert.deepEqual(await check(path), [0, []]);

  const lost = new Recorder(path);
  for (const entry of [...history(), submit('c')]) lost.record(entry);
  await lost.close();
  const [code, lines] = await check(path);
  assert.equal(code, 1);
  assert.match(lines[0] ?? '', /^lost: client-of-c/);
});

/** Runs the checker on a history; its exit code and the violations it printed. */
async function check(path: string): Promise<[number | null, string[]]> {
  const program = startProgram('test/faults/check.ts', ['--history', path]);
  const [code] = (await once(program.process, 'close')) as [number | null];
  return [code, program.lines.filter((line) => !/ jobs \(/.test(line))];
}
