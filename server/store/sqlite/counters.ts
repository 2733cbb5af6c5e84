/**
 * Counters that a batch moves: jobs of its job sets and queue, live jobs by
 * the sequence that submitted them, kept jobs by class. Gathered in memory
 * while the batch is applied and written once at its end, whatever its size.
 */
import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { type Fixed, query } from './schema.ts';

interface JobSetRow {
  n: number;
  created_ms: number;
  last: number;
  oldest_ms: number | null;
  /** Live jobs. */
  live: number;
}

/** Counters of one batch. */
export interface Counters {
  /** Number of the queue. */
  readonly queue: number;
  /** A job set of the queue, made if it is new. */
  jobSet(name: string): JobSetCounters;
  /** A class of this batch; kept once a job uses it. */
  offerClass(id: string, bytes: Uint8Array): void;
  /** A job leaves one class (by number) for another (by id); the other's number. */
  moveClass(from: number | null, to: string): number | null;
  save(): void;
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

/** Prepares counters on the write connection. */
export function createCounters(db: DatabaseSync, fixed: Fixed) {
  const queueNumber = query<{ n: number }>(db, 'SELECT n FROM queue WHERE name = ?');
  // A queue that was deleted, or never made, still has a number while anything refers to it.
  const addQueue = query<{ n: number }>(
    db,
    'INSERT INTO queue (name, live, version, record) VALUES (?, 0, 0, NULL) RETURNING n',
  );
  const moveQueue = query(db, 'UPDATE queue SET live = live + ? WHERE n = ?');
  const jobSets = prepareJobSets(db, fixed);
  const classes = prepareClasses(db);

  return {
    open(queueName: string, now: number): Counters {
      const row = queueNumber.get(queueName) ?? addQueue.get(queueName);
      assert(row, 'a queue that was added has a number');
      const touched = new Map<string, OpenJobSet>();
      const batchClasses = classes();
      return {
        queue: row.n,
        jobSet(name) {
          let jobSet = touched.get(name);
          if (!jobSet) {
            jobSet = jobSets.open(row.n, name, now);
            touched.set(name, jobSet);
          }
          return jobSet;
        },
        offerClass: batchClasses.offer,
        moveClass: batchClasses.move,
        save() {
          let live = 0;
          for (const jobSet of touched.values()) {
            jobSets.save(jobSet, now);
            live += jobSet.queued + jobSet.leased;
          }
          if (live !== 0) moveQueue.run(live, row.n);
          batchClasses.save();
        },
      };
    },
  };
}

interface OpenJobSet extends JobSetCounters {
  /** As it was before the batch. */
  readonly before: JobSetRow;
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
      return {
        n: row.n,
        createdMs: row.created_ms,
        last: row.last,
        appended: 0,
        jobs: 0,
        queued: 0,
        leased: 0,
        before: row,
        submissions,
        append() {
          assert.equal(this.appended, 0, `job set "${name}" has more than one sequence`);
          this.appended = ++this.last;
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
    save(jobSet: OpenJobSet, now: number): void {
      const { n, before, last, queued, leased, jobs } = jobSet;
      save.run(last, queued, leased, jobs, n);
      if (before.oldest_ms === null && jobSet.appended > 0) begin.run(now, n);
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
    const offered = new Map<string, Uint8Array>();
    const numbers = new Map<string, number>();
    const names = new Map<number, string>();
    const changes = new Map<number, number>();
    const count = (n: number, change: number) => changes.set(n, (changes.get(n) ?? 0) + change);

    function numberOf(id: string): number {
      let n = numbers.get(id);
      if (n === undefined) {
        const bytes = offered.get(id);
        const row = find.get(id) ?? (bytes && add.get(id, bytes));
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
      offer: (id: string, bytes: Uint8Array) => offered.set(id, bytes),
      move: (from: number | null, to: string): number | null => {
        if (from !== null && nameOf(from) === to) return from;
        if (from !== null) count(from, -1);
        if (to === '') return null;
        const n = numberOf(to);
        count(n, 1);
        return n;
      },
      save() {
        for (const [n, change] of changes) {
          if (change !== 0 && move.get(change, n)?.jobs === 0) remove.run(n);
        }
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
