/** Writing parts of a store into its tables, on the connection that fills them. */
import { Control_Kind, JobRecord, Operation } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { encodeMessage } from '../../model/encode.ts';
import { type CopiedJob, hundredOf, type Part, type StreamPart } from '../copy.ts';
import { jobKey } from '../../model/job-key.ts';
import { runKey } from '../keys.ts';
import { endedMs, isLeased } from './append.ts';
import { prepareBlocks } from './blocks.ts';
import { CONTROL_TABLES, query, STORED_KINDS } from './schema.ts';

/** Prepares the statements; a part is put within a transaction of the caller. */
export function preparePut(db: DatabaseSync): (part: Part) => void {
  const queueNumber = prepareQueueNumber(db);
  const controls = prepareControls(db);
  const stream = prepareStream(db, queueNumber);
  const jobs = prepareJobs(db, queueNumber);
  const operation = query(db, 'INSERT INTO operation (id, bytes) VALUES (?, ?)');
  return (part) => {
    switch (part.kind) {
      case 'controls':
        return controls(part.controls);
      case 'operations':
        for (const each of part.operations) operation.run(each.id, encodeMessage(Operation, each));
        return undefined;
      case 'stream':
        return stream(part);
      case 'jobs':
        return jobs(part.jobs);
    }
  };
}

/** Number of a queue; one that was deleted has a number while job sets of it last. */
function prepareQueueNumber(db: DatabaseSync): (name: string) => number {
  const find = query<{ n: number }>(db, 'SELECT n FROM queue WHERE name = ?');
  const add = query<{ n: number }>(
    db,
    'INSERT INTO queue (name, live, version, record) VALUES (?, 0, 0, NULL) RETURNING n',
  );
  return (name) => {
    const row = find.get(name) ?? add.get(name);
    assert(row, 'a queue that was added has a number');
    return row.n;
  };
}

function prepareControls(db: DatabaseSync) {
  const queue = query(db, 'INSERT INTO queue (name, live, version, record) VALUES (?, 0, ?, ?)');
  const others = STORED_KINDS.filter((kind) => kind !== Control_Kind.KIND_QUEUE).map((kind) => {
    const insert = `INSERT INTO ${CONTROL_TABLES[kind]} (name, version, record) VALUES (?, ?, ?)`;
    return [kind, query(db, insert)] as const;
  });
  const tables = new Map<Control_Kind, typeof queue>([[Control_Kind.KIND_QUEUE, queue], ...others]);
  return (controls: Extract<Part, { kind: 'controls' }>['controls']): void => {
    for (const { kind, name, version, record } of controls) {
      const table = tables.get(kind);
      assert(table, 'a control record says what it is');
      table.run(name, version, record);
    }
  };
}

type QueueNumber = (name: string) => number;

function prepareStream(db: DatabaseSync, queueNumber: QueueNumber): (part: StreamPart) => void {
  const add = query(
    db,
    `INSERT INTO job_set (queue, name, created_ms, first, last, oldest_ms, queued, leased, jobs, active)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const addLive = query(db, 'UPDATE queue SET live = live + ? WHERE n = ?');
  const find = query<{ n: number }>(db, 'SELECT n FROM job_set WHERE queue = ? AND name = ?');
  const birth = query(db, 'INSERT INTO submission (stream, number, live) VALUES (?, ?, ?)');
  const event = query(db, 'INSERT INTO event (stream, number, at_ms, bytes) VALUES (?, ?, ?, ?)');
  return ({ jobSet, isFirst, births, sequences }) => {
    const { name, streamCreatedMs, firstNumber, lastNumber, oldestMs, queued, leased, jobs } = jobSet;
    const queue = queueNumber(jobSet.queue);
    if (isFirst) {
      const live = queued + leased;
      const place = [streamCreatedMs, firstNumber, lastNumber, oldestMs ?? null] as const;
      add.run(queue, name, ...place, queued, leased, jobs, live > 0 ? 1 : 0);
      addLive.run(live, queue);
    }
    const n = find.get(queue, name)?.n;
    assert(n !== undefined, `job set ${name} comes before more of it`);
    for (const { number, live } of births) birth.run(n, number, live);
    for (const { number, atMs, bytes } of sequences) event.run(n, number, atMs, bytes);
  };
}

function prepareJobs(db: DatabaseSync, queueNumber: QueueNumber): (jobs: readonly CopiedJob[]) => void {
  const jobSet = query<{ n: number }>(db, 'SELECT n FROM job_set WHERE queue = ? AND name = ?');
  const add = query(
    db,
    `INSERT INTO job (id, stream, version, submitted, born, last, leased, ended_ms, state, class, runs, uri, record)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const claim = query(db, 'INSERT INTO claim (queue, client_id, job, hash) VALUES (?, ?, ?, ?)');
  const run = query(db, 'INSERT INTO run (id, job) VALUES (?, ?)');
  const useClass = prepareClasses(db);
  const blocks = prepareBlocks(db);

  function put(job: CopiedJob, key: Uint8Array, queue: number): void {
    const { record, version, submittedNumber, born, last } = job;
    const stream = jobSet.get(queue, record.jobSet)?.n;
    assert(stream !== undefined, `job set ${record.jobSet} comes before its jobs`);
    const numbers = [
      version,
      submittedNumber,
      born,
      last,
      isLeased(record) ? 1 : 0,
      endedMs(record),
    ] as const;
    const { state, runs, externalJobUri, clientId } = record;
    const rest = { ...record, jobId: '', queue: '', jobSet: '', schedulingClass: '', externalJobUri: '' };
    const bytes = encodeMessage(JobRecord, rest);
    add.run(key, stream, ...numbers, state, useClass(job), runs.length, externalJobUri || null, bytes);
    if (clientId !== '') claim.run(queue, clientId, key, job.claimHash);
    for (const { runId } of runs) {
      const id = runKey(runId);
      assert(id, `"${runId}" is not a run id`);
      run.run(id, key);
    }
  }

  return (jobs) => {
    const keyed = jobs.map((job) => {
      const key = jobKey(job.record.jobId);
      assert(key, `"${job.record.jobId}" is not a job id`);
      put(job, key, queueNumber(job.record.queue));
      return { jobId: job.record.jobId, key, spec: job.spec };
    });
    // A block is found as the last one before its job, so no other may begin in the middle of it.
    for (const hundred of Map.groupBy(keyed, ({ jobId }) => hundredOf(jobId)).values()) blocks.add(hundred);
  };
}

/** Number of the class of a job, which has one user more by it. */
function prepareClasses(db: DatabaseSync): (job: CopiedJob) => number | null {
  const use = query<{ n: number }>(
    db,
    `INSERT INTO class (id, jobs, bytes) VALUES (?, 1, ?)
     ON CONFLICT (id) DO UPDATE SET jobs = jobs + 1 RETURNING n`,
  );
  return ({ record: { schedulingClass: id }, schedulingClass }) => {
    if (id === '') return null;
    assert(schedulingClass, `class ${id} comes with its jobs`);
    return use.get(id, schedulingClass)?.n ?? null;
  };
}
