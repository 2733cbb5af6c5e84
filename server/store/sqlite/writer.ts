/**
 * The writer thread. It owns the only connection that writes, and commits
 * whatever is waiting as one transaction: under load many batches share one
 * wait for the disk, idle ones wait for nobody. No timer is involved.
 *
 * When anything fails, nothing of the transaction counts, and each batch gets one
 * of its own: so one that fails takes no other with it.
 */
import type { DatabaseSync } from 'node:sqlite';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { ArmadaError } from '../../base/errors.ts';
import { readBatch } from '../encoded-batch.ts';
import { prepareAppend } from './append.ts';
import { prepareControl, prepareLead } from './control.ts';
import { encodeApplied, isApplied, unpackOrders } from './messages.ts';
import type { Answer, FromWriter, Order, Outcomes, ToWriter, Work, WriterStart } from './messages.ts';
import { prepareLogWriter } from './log.ts';
import { type Fixed, completeTables, openForWriting, prepareTables, query } from './schema.ts';
import { prepareTrim } from './trim.ts';
import { createWaiting } from './waiting.ts';

/** SQLite's codes for a statement that broke a rule of the tables, not of the disk: constraint, mismatch, misuse. */
const OUR_FAULTS = new Set([19, 20, 21]);

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** What each kind of work does, on prepared statements. */
interface Working {
  apply: (work: Work) => Outcomes[Work['kind']];
  /** Writes what works have left to be written once for all of them. */
  save: () => void;
  /** Forgets that, where the transaction is undone. */
  discard: () => void;
}

function prepareWork(db: DatabaseSync, fixed: Fixed): Working {
  const log = prepareLogWriter(db);
  const append = prepareAppend(db, fixed, log);
  const control = prepareControl(db, fixed, log);
  const lead = prepareLead(db);
  const trim = prepareTrim(db);
  const save = (): void => {
    append.save();
    log.save();
  };

  function apply(work: Work): Outcomes[Work['kind']] {
    if (work.kind === 'append') return append.apply(readBatch(bufferOf(work.batch)), work.now);
    // What is no append reads and writes the same rows in its own way.
    save();
    switch (work.kind) {
      case 'control':
        return control(work.change, work.now);
      case 'lead':
        return lead(work.after);
      case 'trim':
        return trim(work.now, work.retention);
    }
  }

  return {
    apply,
    save,
    discard() {
      append.discard();
      log.discard();
    },
  };
}

/**
 * Applies orders together, and answers all of them. Without a savepoint for each:
 * inside one, every page is copied before it is first written, which took longer
 * than the writing.
 */
function prepareCommit(db: DatabaseSync, fixed: Fixed): (orders: readonly Order[]) => Answer[] {
  const { apply, save, discard } = prepareWork(db, fixed);
  const begin = query(db, 'BEGIN IMMEDIATE');
  const commit = query(db, 'COMMIT');

  function together(orders: readonly Order[]): Answer[] {
    begin.run();
    try {
      const answers = orders.map(({ id, work }) => ({ id, value: apply(work) }));
      save();
      commit.run();
      return answers;
    } catch (error) {
      discard();
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  return function settle(orders): Answer[] {
    try {
      return together(orders);
    } catch (error) {
      if (orders.length > 1) return orders.flatMap((order) => settle([order]));
      return orders.map(({ id }) => ({ id, ...describe(error) }));
    }
  };
}

/** What to tell about a failure. */
function describe(error: unknown): { failure: string; unavailable: boolean } {
  const failure = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined;
  return { failure, unavailable: code !== undefined && !OUR_FAULTS.has(code) };
}

function serve(port: MessagePort, db: DatabaseSync, fixed: Fixed): void {
  const tell = (message: FromWriter): void => port.postMessage(message);
  const waiting = createWaiting();
  const settle = prepareCommit(db, fixed);
  let closing = false;

  function tellAll(answers: readonly Answer[]): void {
    let applied: Parameters<typeof encodeApplied>[0][number][] = [];
    const flush = (): void => {
      if (applied.length > 0) tell({ kind: 'applied', numbers: encodeApplied(applied) });
      applied = [];
    };
    for (const answer of answers) {
      if (isApplied(answer)) applied.push(answer);
      else {
        flush();
        tell({ kind: 'answer', answer });
      }
    }
    flush();
  }

  function accept(message: ToWriter): void {
    if (message === 'close') closing = true;
    else for (const order of unpackOrders(message)) waiting.add(order);
  }

  port.on('message', (first: ToWriter) => {
    accept(first);
    for (;;) {
      // What arrived during the last commit is weighed with what waits from before.
      for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
        accept(next.message as ToWriter);
      }
      const orders = waiting.take();
      if (orders.length === 0) break;
      tellAll(settle(orders));
    }
    if (closing) {
      db.close();
      port.close();
    }
  });
  tell({ kind: 'open', fixed });
}

function start(port: MessagePort, { path, acknowledgement, partitions, now }: WriterStart): void {
  let db: DatabaseSync | undefined;
  try {
    db = openForWriting(path, acknowledgement);
    const fixed = prepareTables(db, now, partitions);
    completeTables(db);
    serve(port, db, fixed);
  } catch (error) {
    db?.close();
    const known = error instanceof ArmadaError ? error : undefined;
    const message = known?.message ?? `cannot open ${path}: ${describe(error).failure}`;
    const code = known?.code ?? 'UNAVAILABLE';
    const refusal: FromWriter = { kind: 'refused', code, message, faults: known?.faults ?? [] };
    port.postMessage(refusal);
    port.close();
  }
}

if (parentPort) start(parentPort, workerData as WriterStart);
