/**
 * Counters that batches move: jobs of their job sets and queues, live jobs by
 * the sequence that submitted them, kept jobs by class. Gathered in memory
 * while the batches of a transaction are applied, and written once before it is
 * committed, however many these are: single submits to one job set, of which a
 * transaction has dozens, would each read and write the same few rows.
 */
import { SchedulingClass } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { encodeMessage } from '../../model/encode.ts';
import { type Fixed, query } from './schema.ts';

interface JobSetRow {
  n: number;
  created_ms: number;
  last: number;
  oldest_ms: number | null;
  /** Live jobs. */
  live: number;
}

/** Counters as one batch moves them. */
export interface Counters {
  /** Number of the queue. */
  readonly queue: number;
  /** A job set of the queue, made if it is new. */
  jobSet(name: string): JobSetCounters;
  /** A class of this batch; kept once a job uses it. */
  offerClass(offered: SchedulingClass): void;
  /** A job leaves one class (by number) for another (by id); the other's number. */
  moveClass(from: number | null, to: string): number | null;
}

/** Changes to one job set. */
export interface JobSetCounters {
  readonly n: number;
  readonly createdMs: number;
  /** Number of its newest sequence. */
  last: number;
  /** Number of the sequence of this batch, 0 if it has none. */
  appended: number;
  /** Jobs that are kept, by how many there are more. */
  jobs: number;
  /** Takes the next number in the stream. */
  append(): JobSetCounters;
  /** A live job that sequence `born` submitted is queued, or leased, from now on. */
  enter(born: number, leased: number): void;
  /** It is not any more. */
  leave(born: number, leased: number): void;
}

/** A queue that batches of a transaction name. */
interface OpenQueue {
  n: number;
  /** Whether it is there: 0 for one that was deleted, or never made. */
  there: number;
  jobSets: Map<string, OpenJobSet>;
}

/**
 * Prepares counters on the write connection. What they have of the tables holds
 * until they are saved: nobody else may read or write these rows before that.
 */
export function createCounters(db: DatabaseSync, fixed: Fixed) {
  const find = query<{ n: number; there: number }>(
    db,
    'SELECT n, record IS NOT NULL AS there FROM queue WHERE name = ?',
  );
  // A queue that was deleted, or never made, still has a number while anything refers to it.
  const add = query<{ n: number; there: number }>(
    db,
    'INSERT INTO queue (name, live, version, record) VALUES (?, 0, 0, NULL) RETURNING n, 0 AS there',
  );
  const moveQueue = query(db, 'UPDATE queue SET live = live + ? WHERE n = ?');
  const jobSets = prepareJobSets(db, fixed);
  const openClasses = prepareClasses(db);
  const queues = new Map<string, OpenQueue>();
  let classes = openClasses();
  let batches = 0;

  function found(name: string): OpenQueue | undefined {
    const open = queues.get(name);
    return open ?? opened(name, find.get(name));
  }

  function opened(name: string, row: { n: number; there: number } | undefined): OpenQueue | undefined {
    const queue = row && { n: row.n, there: row.there, jobSets: new Map<string, OpenJobSet>() };
    if (queue) queues.set(name, queue);
    return queue;
  }

  function discard(): void {
    queues.clear();
    classes = openClasses();
  }

  return {
    /** Number of a queue that is there. */
    queue(name: string): number | undefined {
      const queue = found(name);
      return queue?.there ? queue.n : undefined;
    },
    /** Begins the next batch. */
    open(queueName: string, now: number): Counters {
      const queue = found(queueName) ?? opened(queueName, add.get(queueName));
      assert(queue, 'a queue that was added has a number');
      const batch = ++batches;
      return {
        queue: queue.n,
        jobSet(name) {
          let jobSet = queue.jobSets.get(name);
          if (!jobSet) {
            jobSet = jobSets.open(queue.n, name, now);
            queue.jobSets.set(name, jobSet);
          }
          return jobSet.inBatch(batch, now);
        },
        offerClass: classes.offer,
        moveClass: classes.move,
      };
    },
    /** Writes them, before the transaction is committed, or anything else is done in it. */
    save: (): void => {
      for (const queue of queues.values()) {
        let live = 0;
        for (const jobSet of queue.jobSets.values()) {
          jobSets.save(jobSet);
          live += jobSet.queued + jobSet.leased;
        }
        if (live !== 0) moveQueue.run(live, queue.n);
      }
      classes.save();
      discard();
    },
    /** Forgets them, where the transaction is undone. */
    discard,
  };
}

interface OpenJobSet extends JobSetCounters {
  /** As it was before the transaction. */
  readonly before: JobSetRow;
  /** When the first batch that has a sequence for it was made; null while there was none. */
  beganMs: number | null;
  /** The same for the batch of this number. */
  inBatch(batch: number, now: number): JobSetCounters;
  queued: number;
  leased: number;
  /** Live jobs more, by the sequence that submitted them. */
  readonly submissions: Map<number, number>;
}

function prepareJobSets(db: DatabaseSync, fixed: Fixed) {
  const find = query<JobSetRow>(
    db,
    `SELECT n, created_ms, last, oldest_ms, queued + leased AS live FROM job_set
     WHERE queue = ? AND name = ?`,
  );
  // Later than every stream that was removed, so that no message id comes twice.
  const add = query<JobSetRow>(
    db,
    `INSERT INTO job_set (queue, name, created_ms, first, last, oldest_ms, queued, leased, jobs, active)
     VALUES (?, ?, max(?, ?, 1 + (SELECT value FROM meta WHERE key = 'removed_stream_ms')), 1, 0, NULL, 0, 0, 0, 0)
     RETURNING n, created_ms, last, oldest_ms, 0 AS live`,
  );
  const save = query(
    db,
    'UPDATE job_set SET last = ?, queued = queued + ?, leased = leased + ?, jobs = jobs + ? WHERE n = ?',
  );
  // Apart, because they are indexed and seldom change.
  const begin = query(db, 'UPDATE job_set SET oldest_ms = ? WHERE n = ?');
  const activate = query(db, 'UPDATE job_set SET active = ? WHERE n = ?');
  const move = query<{ live: number }>(
    db,
    `INSERT INTO submission (stream, number, live) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET live = live + excluded.live RETURNING live`,
  );
  const remove = query(db, 'DELETE FROM submission WHERE stream = ? AND number = ?');

  return {
    open(queue: number, name: string, now: number): OpenJobSet {
      const row = find.get(queue, name) ?? add.get(queue, name, now, fixed.epochMs);
      assert(row, 'a job set that was added has a number');
      const submissions = new Map<number, number>();
      let current = 0;
      let currentMs = now;
      return {
        n: row.n,
        createdMs: row.created_ms,
        last: row.last,
        appended: 0,
        jobs: 0,
        queued: 0,
        leased: 0,
        before: row,
        beganMs: null,
        submissions,
        inBatch(batch, batchMs) {
          if (batch !== current) this.appended = 0;
          current = batch;
          currentMs = batchMs;
          return this;
        },
        append() {
          assert.equal(this.appended, 0, `job set "${name}" has more than one sequence`);
          this.appended = ++this.last;
          this.beganMs ??= currentMs;
          return this;
        },
        enter(born, leased) {
          submissions.set(born, (submissions.get(born) ?? 0) + 1);
          if (leased) this.leased++;
          else this.queued++;
        },
        leave(born, leased) {
          submissions.set(born, (submissions.get(born) ?? 0) - 1);
          if (leased) this.leased--;
          else this.queued--;
        },
      };
    },
    save(jobSet: OpenJobSet): void {
      const { n, before, beganMs, last, queued, leased, jobs } = jobSet;
      save.run(last, queued, leased, jobs, n);
      if (before.oldest_ms === null && beganMs !== null) begin.run(beganMs, n);
      const live = before.live + queued + leased;
      if (live > 0 !== before.live > 0) activate.run(live > 0 ? 1 : 0, n);
      for (const [born, change] of jobSet.submissions) {
        if (change !== 0 && move.get(n, born, change)?.live === 0) remove.run(n, born);
      }
    },
  };
}

function prepareClasses(db: DatabaseSync) {
  const find = query<{ n: number }>(db, 'SELECT n FROM class WHERE id = ?');
  const add = query<{ n: number }>(db, 'INSERT INTO class (id, jobs, bytes) VALUES (?, 0, ?) RETURNING n');
  const name = query<{ id: string }>(db, 'SELECT id FROM class WHERE n = ?');
  const move = query<{ jobs: number }>(db, 'UPDATE class SET jobs = jobs + ? WHERE n = ? RETURNING jobs');
  const remove = query(db, 'DELETE FROM class WHERE n = ?');

  return () => {
    const offered = new Map<string, SchedulingClass>();
    const numbers = new Map<string, number>();
    const names = new Map<number, string>();
    const changes = new Map<number, number>();
    const count = (n: number, change: number) => changes.set(n, (changes.get(n) ?? 0) + change);

    function numberOf(id: string): number {
      let n = numbers.get(id);
      if (n === undefined) {
        const known = offered.get(id);
        const row = find.get(id) ?? (known && add.get(id, encodeMessage(SchedulingClass, known)));
        assert(row, `the batch uses scheduling class "${id}" and does not bring it`);
        n = row.n;
        numbers.set(id, n);
      }
      return n;
    }

    function nameOf(n: number): string {
      let id = names.get(n);
      if (id === undefined) {
        id = name.get(n)?.id ?? '';
        names.set(n, id);
      }
      return id;
    }

    return {
      offer: (schedulingClass: SchedulingClass) => void offered.set(schedulingClass.id, schedulingClass),
      move: (from: number | null, to: string): number | null => {
        if (from !== null && nameOf(from) === to) return from;
        if (from !== null) count(from, -1);
        if (to === '') return null;
        const n = numberOf(to);
        count(n, 1);
        return n;
      },
      save() {
        // Also where nothing has changed in the end: one that was added for a job which has left it again goes.
        for (const [n, change] of changes) if (move.get(change, n)?.jobs === 0) remove.run(n);
      },
    };
  };
}

/** Jobs of these classes are kept no longer. For retention, which has no batch. */
export function prepareForgetClass(db: DatabaseSync): (n: number) => void {
  const move = query<{ jobs: number }>(db, 'UPDATE class SET jobs = jobs - 1 WHERE n = ? RETURNING jobs');
  const remove = query(db, 'DELETE FROM class WHERE n = ?');
  return (n) => {
    if (move.get(n)?.jobs === 0) remove.run(n);
  };
}
