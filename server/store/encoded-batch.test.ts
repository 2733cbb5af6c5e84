import { JobState } from '@armada-ts/api/api/job';
import { Batch, JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { EventSequence } from '@armada-ts/api/armadaevents/armadaevents';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeMessage } from '../model/encode.ts';
import { decisionsIn, readBatch, readRecord } from './encoded-batch.ts';
import { encodeEvents } from './entries.ts';

const NAMES = {
  jobId: '01arz3ndektsv4rrffq69g5fav',
  queue: 'müller',
  jobSet: 'nächtlich',
  schedulingClass: 'c1a55',
  externalJobUri: 'https://example.com/ü',
};

const RECORD = JobRecord.fromPartial({
  ...NAMES,
  owner: 'alice',
  groups: ['one', 'two'],
  namespace: 'default',
  state: JobState.SUCCEEDED,
  priority: 2 ** 32 - 1,
  submittedAtMs: 1_700_000_000_000.5,
  changedAtMs: 1,
  endedAtMs: 1_700_000_000_001.25,
  runs: [
    { runId: 'first', executorId: 'here', leasedAtMs: 3, ingressAddresses: new Map([[80, 'host:1']]) },
    { runId: 'second', node: 'there' },
  ],
  clientId: 'my-ä',
  gang: { id: 'g', cardinality: 2 },
});

const EVENTS = EventSequence.fromPartial({
  queue: NAMES.queue,
  jobSetName: NAMES.jobSet,
  userId: 'alice',
  groups: ['one'],
  events: [{ event: { $case: 'jobSucceeded', value: { jobId: NAMES.jobId, resourceInfos: [] } } }],
});

const BATCH = Batch.fromPartial({
  queue: NAMES.queue,
  term: 7,
  sequences: [EVENTS, { ...EVENTS, jobSetName: 'other', events: [] }],
  submitted: [{ record: RECORD, spec: Buffer.from('spec'), claimHash: Buffer.from('hash') }],
  changed: [{ record: RECORD, expectedVersion: 12 }, { record: JobRecord.create() }],
  classes: [{ id: 'c1a55', priorityClass: 'high' }],
  opened: [{ id: 'operation', queue: NAMES.queue }],
  closed: ['done', 'too'],
});

test('readBatch() finds what Batch.decode() finds', () => {
  const read = readBatch(encodeMessage(Batch, BATCH));
  const { queue, term, classes, opened, closed } = Batch.decode(encodeMessage(Batch, BATCH));
  assert.deepEqual(
    { queue: read.queue, term: read.term, classes: read.classes, opened: read.opened, closed: read.closed },
    { queue, term, classes, opened, closed },
  );
  assert.deepEqual(
    read.sequences.map(({ jobSet, bytes }) => ({ ...EventSequence.decode(bytes), jobSetName: jobSet })),
    BATCH.sequences.map((events) => ({ ...events, queue: '' })),
  );
  assert.deepEqual(
    read.submitted.map(({ record, spec, claimHash }) => [
      record.jobId,
      Buffer.from(spec).toString(),
      Buffer.from(claimHash).toString(),
    ]),
    [[NAMES.jobId, 'spec', 'hash']],
  );
  assert.deepEqual(
    read.changed.map(({ record, expectedVersion }) => [record.jobId, expectedVersion]),
    [
      [NAMES.jobId, 12],
      ['', 0],
    ],
  );
});

test('a record is cut into what columns tell and the rest', () => {
  const { bytes, ...columns } = readRecord(encodeMessage(JobRecord, RECORD));
  assert.deepEqual(columns, {
    jobId: NAMES.jobId,
    jobSet: NAMES.jobSet,
    state: JobState.SUCCEEDED,
    schedulingClass: NAMES.schedulingClass,
    endedAtMs: 1_700_000_000_001.25,
    runIds: ['first', 'second'],
    externalJobUri: NAMES.externalJobUri,
    clientId: 'my-ä',
  });
  const empty = { jobId: '', queue: '', jobSet: '', schedulingClass: '', externalJobUri: '' };
  assert.deepEqual(JobRecord.decode(bytes), { ...RECORD, ...empty });
  assert.deepEqual(Buffer.from(bytes), Buffer.from(encodeMessage(JobRecord, { ...RECORD, ...empty })));
});

test('a record of a later version keeps what is not known of it', () => {
  const later = Buffer.concat([encodeMessage(JobRecord, RECORD), Buffer.from([0xfa, 0x3f, 2, 1, 2])]);
  const { bytes } = readRecord(later);
  assert.deepEqual(Buffer.from(bytes.subarray(-5)), Buffer.from([0xfa, 0x3f, 2, 1, 2]));
});

test('what is no batch is refused', () => {
  assert.throws(() => readBatch(Buffer.from([0x2a, 5, 1])), /cut off/);
  assert.throws(() => readBatch(Buffer.from([0x2a, 2, 0x0a])), /cut off/);
});

test('decisionsIn() finds events as they are stored, and records', () => {
  const { events, records } = decisionsIn(encodeMessage(Batch, BATCH));
  assert.deepEqual(
    events.map((bytes) => Buffer.from(bytes)),
    BATCH.sequences.map((sequence) => Buffer.from(encodeEvents(sequence))),
  );
  assert.deepEqual(
    records.map((bytes) => Buffer.from(bytes)),
    BATCH.changed.map(({ record }) => encodeMessage(JobRecord, record ?? JobRecord.create())),
  );
});
