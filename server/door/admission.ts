/**
 * Which calls are taken when there is more to do than the server can. It is
 * decided before the body of a request is read, from what was let in before and
 * has no answer yet, from how long such calls took, and from how far the main
 * thread is behind.
 *
 * Three ranks share the server. Work that adds to what is to be done is refused
 * first, big reads next. Reports, leases, cancellations and health come last:
 * they free what everything else waits for, so they know no lateness, only a
 * bound against calls without end.
 *
 * Within a rank one connection may have as much under way as is still free. So
 * one that asks without pause gets half, two get a third each, and there is
 * always something left for whoever comes next.
 */
import type { Clock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { createIntake, type Intake } from './intake.ts';

export type Rank = 'write' | 'read' | 'vital';

/**
 * Room for requests under way that add work, in bytes. It follows what the server
 * can do: a request that took too long after it had been read makes it smaller by
 * some times its size. One that was answered in time makes it larger by its size,
 * if the room was needed; the time it took to be read counts then, which may be
 * the client's fault or that of the thread.
 */
const MAX_WRITE_BYTES = 16 * 1024 * 1024;
const FIRST_WRITE_BYTES = 8 * 1024 * 1024;
const MIN_WRITE_ROOM_BYTES = 1024 * 1024;
const TOO_LONG_MS = 1000;
const SHRINK_TIMES = 2;

/** What the smallest of them counts as: it takes a while whatever its size. */
const MIN_WRITE_BYTES = 2 * 1024;

/** Calls of the other ranks under way, and open streams of either. */
const MAX_READS = 1024;
const MAX_VITAL_CALLS = 4096;
const MAX_STREAMS = 16_384;

/** Lateness of the main thread at which there is less room, and at which there is little. */
const LATE_MS = 500;
const VERY_LATE_MS = 1500;

/** When to ask again. */
const RETRY_MS = 500;
const RETRY_VERY_LATE_MS = 2000;

const LOG_EVERY_MS = 10_000;

/** How fast the size of the next request is learnt from those before: one part of so many. */
const LEARNING_PARTS = 16;

export interface AdmissionDeps {
  /** How far the main thread is behind, in milliseconds. */
  lateMs: () => number;
  clock: Clock;
  logger: Logger;
}

/** A call as it is known before its request has been read. */
export interface Arrival {
  rank: Rank;
  isStream: boolean;
  /** Tells connections apart. */
  connection: string;
}

/** A call that was let in. */
export interface Admitted {
  /** The request has been read and has this size. */
  arrived(bytes: number): void;
  /** The request does not come: what was set aside for its size is left to others meanwhile. */
  stalled(): void;
  /** The call is over; may be told twice. */
  over(): void;
}

/** A call that was not. */
export interface Refused {
  /** When to ask again, in milliseconds from now. */
  retryAfterMs: number;
}

export interface Admission {
  /** Lets a call in, or not. Nothing is thrown, as refusing must cost next to nothing. */
  enter(arrival: Arrival): Admitted | Refused;
  /** Calls refused so far. */
  readonly refused: Readonly<Record<Rank, number>>;
  /** Room for requests while they arrive, of any rank. */
  readonly intake: Intake;
}

/** The rank of a method by its path, `/package.Service/Method`. */
export function rankOf(path: string): Rank {
  const method = path.slice(path.lastIndexOf('/') + 1);
  if (
    /^\/(?:executorapi\.|armada\.executor\.|armada\.server\.|grpc\.health\.|api\.Executor\/|api\.Node\/)/.test(
      path,
    )
  )
    return 'vital';
  if (/^(?:Cancel|Preempt|Cordon|Health|Lease|Report|Renew|Return)/.test(method)) return 'vital';
  return /^(?:Get|List|Watch|Read|Describe|ServerReflection)/.test(method) ? 'read' : 'write';
}

/** What calls of one kind have taken of what there is for them. */
interface Budget {
  limit: number;
  used: number;
  readonly usedBy: Map<string, number>;
}

const SHARES: Readonly<Record<Rank, { late: number; veryLate: number }>> = {
  write: { late: 1 / 2, veryLate: 1 / 8 },
  read: { late: 1, veryLate: 1 / 8 },
  vital: { late: 1, veryLate: 1 },
};

export function createAdmission({ lateMs, clock, logger }: AdmissionDeps): Admission {
  const calls = { write: budget(FIRST_WRITE_BYTES), read: budget(MAX_READS), vital: budget(MAX_VITAL_CALLS) };
  const streams = { write: calls.write, read: budget(MAX_STREAMS), vital: budget(MAX_STREAMS) };
  const tell = createRefusalLog(clock, logger);
  const refused: Record<Rank, number> = { write: 0, read: 0, vital: 0 };
  let expectedBytes = MIN_WRITE_BYTES;

  return {
    refused,
    intake: createIntake(),
    enter({ rank, isStream, connection }) {
      const room = (isStream ? streams : calls)[rank];
      const late = lateMs();
      const share = late > VERY_LATE_MS ? SHARES[rank].veryLate : late > LATE_MS ? SHARES[rank].late : 1;
      if ((room.usedBy.get(connection) ?? 0) >= room.limit * share - room.used) {
        refused[rank]++;
        tell(rank, late);
        return { retryAfterMs: late > VERY_LATE_MS ? RETRY_VERY_LATE_MS : RETRY_MS };
      }
      let taken = rank === 'write' ? Math.round(expectedBytes) : 1;
      take(room, connection, taken);
      const enteredMs = clock.elapsed();
      let readMs = enteredMs;
      return {
        arrived(bytes) {
          if (rank !== 'write' || taken === 0) return;
          readMs = clock.elapsed();
          const counted = Math.max(bytes, MIN_WRITE_BYTES);
          expectedBytes += (counted - expectedBytes) / LEARNING_PARTS;
          take(room, connection, counted - taken);
          taken = counted;
        },
        stalled() {
          if (rank !== 'write' || taken <= MIN_WRITE_BYTES) return;
          take(room, connection, MIN_WRITE_BYTES - taken);
          taken = MIN_WRITE_BYTES;
        },
        over() {
          if (taken === 0) return;
          if (rank === 'write') learnRoom(room, taken, { enteredMs, readMs, nowMs: clock.elapsed() });
          take(room, connection, -taken);
          taken = 0;
        },
      };
    },
  };
}

function budget(limit: number): Budget {
  return { limit, used: 0, usedBy: new Map() };
}

function take(from: Budget, connection: string, amount: number): void {
  from.used += amount;
  const used = (from.usedBy.get(connection) ?? 0) + amount;
  if (used === 0) from.usedBy.delete(connection);
  else from.usedBy.set(connection, used);
}

/** Call while the request still counts as under way. */
function learnRoom(
  room: Budget,
  bytes: number,
  { enteredMs, readMs, nowMs }: { enteredMs: number; readMs: number; nowMs: number },
): void {
  let change = 0;
  if (nowMs - readMs > TOO_LONG_MS) change = -SHRINK_TIMES * bytes;
  else if (nowMs - enteredMs <= TOO_LONG_MS && room.used >= room.limit / 2) change = bytes;
  room.limit = Math.min(Math.max(room.limit + change, MIN_WRITE_ROOM_BYTES), MAX_WRITE_BYTES);
}

/** What a refused caller is told. */
export function overloaded({ retryAfterMs }: Refused): ArmadaError {
  const message = `the server has more to do than it can take; ask again in ${retryAfterMs / 1000} s, and less often while this goes on`;
  return new ArmadaError('OVERLOADED', message, { retryAfterMs });
}

/** Says at once when calls begin to be refused, and then every so often how many were. */
function createRefusalLog(clock: Clock, logger: Logger): (rank: Rank, lateMs: number) => void {
  const refused: Record<Rank, number> = { write: 0, read: 0, vital: 0 };
  let toldMs = Number.NEGATIVE_INFINITY;
  return (rank, lateMs) => {
    refused[rank]++;
    const nowMs = clock.elapsed();
    if (nowMs - toldMs < LOG_EVERY_MS) return;
    toldMs = nowMs;
    logger.warn(
      { refused: { ...refused }, lateMs: Math.round(lateMs) },
      'more to do than can be taken: calls are refused',
    );
    Object.assign(refused, { write: 0, read: 0, vital: 0 });
  };
}
