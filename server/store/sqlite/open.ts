/**
 * The embedded store: one SQLite database in one directory, for one server.
 * Everything it needs lies in that directory.
 */
import { Batch } from '@armada-ts/api/armada/store/v1/store';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { ArmadaError } from '../../base/errors.ts';
import type { OpenOptions } from '../options.ts';
import type { AcknowledgementLevel, AppendResult, ControlChange, ControlResult, Store } from '../store.ts';
import type { BatchOutcome } from './append.ts';
import { encodeMessage } from '../../model/encode.ts';
import { refuseIncomplete } from './incoming.ts';
import { lockDirectory, makeFile } from './lock.ts';
import { appliedEntry, controlEntry, specBytes } from '../entries.ts';
import { createRing, followLog, type Ring, TAIL_LIMITS, type TailLimits } from '../tail.ts';
import { prepareLog, readPage } from './log.ts';
import { openPipe, type Pipe } from './pipe.ts';
import { guard, prepareReader } from './read.ts';
import { storedJobOf } from './records.ts';
import { openForReading, query, secretOf } from './schema.ts';
import { createServers } from './servers.ts';

/** How to open a SQLite store. */
export interface SqliteOptions extends OpenOptions<SqliteLimits> {
  /** Made with mode 0700 if it is not there. */
  directory: string;
  /** `synced` or `local`. */
  acknowledgement: AcknowledgementLevel;
}

/** What is held in memory at most. */
export interface SqliteLimits extends TailLimits {
  /** Batches that wait for the writer; past it appends are refused as OVERLOADED. */
  queuedBytes: number;
}

const DEFAULT_LIMITS: SqliteLimits = { ...TAIL_LIMITS, queuedBytes: 64 * 1024 * 1024 };

/**
 * Opens the store, making it if the directory holds none. Throws INVALID_REQUEST
 * for settings it cannot meet, UNAVAILABLE when another server has it, when a
 * newer server made it, or when the disk fails.
 */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  const { directory, acknowledgement, clock, logger } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  if (acknowledgement === 'replicated') {
    throw new ArmadaError('INVALID_REQUEST', 'the sqlite store cannot replicate', {
      faults: [
        { field: 'acknowledgement', message: 'must be "synced" or "local" with sqlite, got "replicated"' },
      ],
    });
  }
  refuseIncomplete(directory);
  const path = prepareDirectory(directory);
  const lock = lockDirectory(directory);
  try {
    const start = { path, acknowledgement, partitions: options.partitions, now: wallClock(clock)() };
    const pipe = await openPipe(start, logger, limits.queuedBytes);
    logger.info({ directory, acknowledgement, ...pipe.fixed }, 'store open');
    return createStore({ directory, acknowledgement, path, pipe, lock, limits, now: wallClock(clock) });
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** Makes the directory and its files readable to nobody else; SQLite's side files take after the database. */
function prepareDirectory(directory: string): string {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const file of ['armada.db', 'lock.db']) makeFile(join(directory, file));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ArmadaError('UNAVAILABLE', `cannot use the data directory ${directory}: ${reason}`, {
      cause: error,
    });
  }
  return join(directory, 'armada.db');
}

/** Whole milliseconds, as the tables hold them. */
function wallClock(clock: Clock): () => number {
  return () => Math.floor(clock.now());
}

interface Parts {
  directory: string;
  acknowledgement: AcknowledgementLevel;
  path: string;
  pipe: Pipe;
  lock: Disposable;
  limits: SqliteLimits;
  now: () => number;
}

function createStore({ directory, acknowledgement, path, pipe, lock, limits, now }: Parts): Store {
  const db = openForReading(path);
  const headRows = query<{ head: number }>(db, 'SELECT head FROM partition ORDER BY n');
  const heads = (): number[] => headRows.all().map(({ head }) => head);
  const log = prepareLog(db);
  const { forgetQueue, ...read } = prepareReader(db);
  const ring = createRing(heads(), limits);
  const lastTerm = query<{ term: number }>(db, 'SELECT max(term) AS term FROM partition');
  const { servers, hasTaken } = createServers(
    secretOf(db),
    guard(() => lastTerm.get()?.term ?? 0),
  );
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    await pipe.drained();
    ring.close();
    // The last connection to close folds the write-ahead log into the database: let it be the writer's.
    db.close();
    await pipe.stop();
    lock[Symbol.dispose]();
  }

  /** Refuses work that comes after close. */
  function accepting<Parameters extends unknown[], Value>(
    accept: (...parameters: Parameters) => Promise<Value>,
  ): (...parameters: Parameters) => Promise<Value> {
    return async (...parameters) => {
      if (closing) throw new ArmadaError('UNAVAILABLE', 'the store is closed');
      return accept(...parameters);
    };
  }

  return {
    info: { name: `sqlite ${directory}`, acknowledgement, ...pipe.fixed, notices: [] },
    read,
    append: accepting((batch, encoded) => append({ pipe, ring, now }, batch, encoded)),
    control: accepting((change) => control({ pipe, ring, now, forgetQueue }, change)),
    servers,
    lead: accepting(({ serverId, after }) =>
      pipe.send({ work: { kind: 'lead', after }, urgent: true, bytes: 0 }, (led) => {
        if (led) hasTaken(serverId);
        return led;
      }),
    ),
    heads: guard(heads),
    tail: (from, signal) =>
      followLog(
        { ring, heads: guard(heads), page: guard((positions) => readPage(log, heads(), positions)) },
        from,
        signal,
      ),
    trim: accepting((at, retention) =>
      pipe.send(
        { work: { kind: 'trim', now: Math.floor(at), retention }, urgent: true, bytes: 0 },
        (more) => more,
      ),
    ),
    failed: pipe.failed,
    close: () => (closing ??= close()),
  };
}

type Writing = Pick<Parts, 'pipe' | 'now'> & { ring: Ring };

function append({ pipe, ring, now }: Writing, batch: Batch, encoded?: Uint8Array): Promise<AppendResult> {
  // What goes to the writer's thread is gone here; the caller may append it again.
  const bytes = encoded ? new Uint8Array(encoded) : encodeMessage(Batch, batch);
  const size = bytes.length;
  const urgent = batch.term !== undefined || batch.submitted.length === 0;
  const work = { kind: 'append' as const, batch: bytes, now: now() };
  return pipe.send({ work, urgent, bytes: size }, (outcome) => {
    const result = resultOf(batch, outcome);
    if (result.outcome === 'applied') ring.push(result.entry, size - specBytes(batch));
    return result;
  });
}

function control(
  { pipe, ring, now, forgetQueue }: Writing & { forgetQueue: (name: string) => void },
  change: ControlChange,
): Promise<ControlResult> {
  const bytes = change.record?.length ?? 0;
  return pipe.send({ work: { kind: 'control', change, now: now() }, urgent: true, bytes }, (outcome) => {
    forgetQueue(change.name);
    if (outcome.outcome !== 'applied') return outcome;
    const { partition, number } = outcome;
    ring.push(controlEntry(partition, number, change), bytes);
    return { outcome: 'applied', version: number };
  });
}

/** The answer to an append, of the batch's own objects and the places the writer gave them. */
function resultOf(batch: Batch, outcome: BatchOutcome): AppendResult {
  switch (outcome.outcome) {
    case 'applied':
      return { outcome: 'applied', entry: appliedEntry(batch, outcome) };
    case 'stale':
      return { outcome: 'stale', current: outcome.rows.map(storedJobOf) };
    case 'repeated':
    case 'no-queue':
    case 'claimed':
    case 'sealed':
      return outcome;
  }
}
