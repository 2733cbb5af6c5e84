/**
 * The servers of one store, as this one knows them: once a second it says through
 * the store that it is alive and hears of the others. What follows from that is
 * roll.ts's; here is only the loop.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { ServerRecord } from '../store/servers.ts';
import type { Store } from '../store/store.ts';
import {
  aliveIn,
  emptyRoll,
  forgottenIn,
  leaderIn,
  type ListedServer,
  listedIn,
  nextMeetingMs,
  type Roll,
  takeMeeting,
  vacancyIn,
} from './roll.ts';

/** A living server process. */
export type Member = ServerRecord;

/** Who else serves this store, and who leads. */
export interface Members {
  readonly self: Member;
  /** Alive, without this one. */
  others(): readonly Member[];
  /** Who leads, if anybody alive does. */
  leader(): Member | undefined;
  /** Calls back after any change. Returns the way out. */
  subscribe(listener: () => void): () => void;
}

/** The same of a real server, which comes and leaves. */
export interface Membership extends Members {
  /** Begins to meet the others, who are told that this server listens there. */
  join(address: string): void;
  /** All that the store knows of, the dead too, as of the last meeting. */
  listed(): ListedServer[];
  /** The last term that was taken, as of the last meeting. */
  term(): number;
  /** The last term, when this server should try to take the next; see roll.ts. */
  vacancy(heldTerm: number | undefined): number | undefined;
  /** Resolves after a meeting that begins from now on, or when this server has left. */
  met(): Promise<void>;
  /** Says that this server stops. Does not fail: the others notice in any case. */
  leave(): Promise<void>;
}

export interface MembersDeps {
  store: Pick<Store, 'servers'>;
  /** What is known of this server before it listens. */
  self: Omit<Member, 'address'>;
  clock: Clock;
  logger: Logger;
}

interface Meetings {
  readonly deps: MembersDeps;
  readonly leaving: AbortController;
  roll: Roll;
  readonly listeners: Set<() => void>;
  /** Who waits for a meeting that has not begun. */
  waiting: (() => void)[];
  /** Ends the pause before the next meeting. */
  wake: () => void;
  isWanted: boolean;
  isDeaf: boolean;
}

export function createMembers(deps: MembersDeps): Membership {
  const meetings: Meetings = {
    deps,
    leaving: new AbortController(),
    roll: emptyRoll({ ...deps.self, address: '' }),
    listeners: new Set(),
    waiting: [],
    wake: () => {},
    isWanted: false,
    isDeaf: false,
  };
  let meeting: Promise<void> = Promise.resolve();
  let unsubscribe = (): void => {};
  return {
    get self() {
      return meetings.roll.self;
    },
    others: () => aliveIn(meetings.roll),
    leader: () => leaderIn(meetings.roll),
    listed: () => listedIn(meetings.roll, deps.clock.elapsed()),
    term: () => meetings.roll.term,
    vacancy: (heldTerm) => vacancyIn(meetings.roll, heldTerm),
    subscribe(listener) {
      meetings.listeners.add(listener);
      return () => meetings.listeners.delete(listener);
    },
    join(address) {
      meetings.roll = emptyRoll({ ...deps.self, address });
      unsubscribe = deps.store.servers.subscribe(() => meetSoon(meetings));
      meeting = keepMeeting(meetings);
    },
    met: () =>
      new Promise((resolve) => {
        if (meetings.leaving.signal.aborted) return resolve();
        meetings.waiting.push(resolve);
        meetSoon(meetings);
      }),
    async leave() {
      meetings.leaving.abort();
      unsubscribe();
      meetings.wake();
      await meeting;
      for (const resolve of meetings.waiting.splice(0)) resolve();
      await deps.store.servers.leave(deps.self.id).catch((error: unknown) => {
        deps.logger.debug({ err: error }, 'the other servers could not be told that this one stops');
      });
    },
  };
}

function meetSoon(meetings: Meetings): void {
  meetings.isWanted = true;
  meetings.wake();
}

async function keepMeeting(meetings: Meetings): Promise<void> {
  const { signal } = meetings.leaving;
  while (!signal.aborted) {
    const beganMs = meetings.deps.clock.elapsed();
    meetings.isWanted = false;
    const waiting = meetings.waiting.splice(0);
    const hasMet = await meet(meetings);
    if (hasMet) for (const resolve of waiting) resolve();
    else meetings.waiting.unshift(...waiting);
    if (signal.aborted) return;
    if (!meetings.isWanted || !hasMet) await pause(meetings, beganMs);
  }
}

/** Whether it went well. */
async function meet(meetings: Meetings): Promise<boolean> {
  const { store, clock, logger } = meetings.deps;
  try {
    const meeting = await store.servers.meet(meetings.roll.self);
    if (meetings.isDeaf) logger.info({}, 'the store answers again');
    meetings.isDeaf = false;
    const before = meetings.roll;
    meetings.roll = takeMeeting(before, meeting, clock.elapsed());
    tell(meetings, before);
    await forget(meetings);
    return true;
  } catch (error) {
    if (!meetings.isDeaf) logger.warn({ err: error }, 'the other servers cannot be met');
    meetings.isDeaf = true;
    return false;
  }
}

/** Until the next meeting is due; counted from the beginning of the last, for a slow store is no reason to meet less often. */
async function pause(meetings: Meetings, beganMs: number): Promise<void> {
  const { clock } = meetings.deps;
  const waking = new AbortController();
  meetings.wake = () => waking.abort();
  const nowMs = clock.elapsed();
  const tookMs = nowMs - beganMs;
  const pauseMs = meetings.isDeaf ? RETRY_MS : Math.max(0, nextMeetingMs(meetings.roll, nowMs) - tookMs);
  await sleep(pauseMs, undefined, { signal: waking.signal, ref: false }).catch(() => {});
  meetings.wake = () => {};
}

/** Between two tries to meet while the store is away. */
const RETRY_MS = 500;

/** Tells who wants to know, and who reads the log, what is different now. */
function tell({ roll, listeners, deps: { logger } }: Meetings, before: Roll): void {
  const [come, gone] = [aliveOnlyIn(roll, before), aliveOnlyIn(before, roll)];
  for (const { name, address } of come) logger.info({ server: name, address }, 'another server is there');
  for (const { id, name, address } of gone) {
    if (roll.known.has(id)) logger.warn({ server: name, address }, 'another server is gone');
    else logger.info({ server: name, address }, 'another server has stopped');
  }
  const isSameLead = before.term === roll.term && before.leaderId === roll.leaderId;
  if (before.metMs !== undefined && come.length + gone.length === 0 && isSameLead) return;
  for (const listener of listeners) listener();
}

/** Who is alive in the one and not in the other. */
function aliveOnlyIn(one: Roll, other: Roll): Member[] {
  return aliveIn(one).filter(({ id }) => !other.known.get(id)?.isAlive);
}

/** The leader clears away what those have left that have been gone for long. */
async function forget({ roll, deps }: Meetings): Promise<void> {
  if (roll.leaderId !== roll.self.id) return;
  for (const id of forgottenIn(roll)) await deps.store.servers.leave(id);
}
