/**
 * Who is alive and who leads, derived from meetings and a monotonic clock.
 *
 * A server whose beat has not risen for GONE_MS is gone; it is back as soon as its
 * beat rises. Silence counts only while this server could hear: where two meetings
 * are further apart than MAX_GAP_MS the store was away, or this process stood
 * still, and the silence of all who were alive counts anew. All of this decides
 * only when to try to lead; whether one does is decided by the term.
 */
import type { Meeting, ServerRecord } from '../store/servers.ts';

/** Between two meetings. */
const MEET_MS = 1_000;

/** A new leader decides within five seconds of the death of the old one: this, a meeting, and the taking of the lead. */
const GONE_MS = 3_000;
const MAX_GAP_MS = 2_000;

/** What a server that is gone has left is removed after this, unless an operator does it: it harms nobody, and tells who was there. */
const FORGOTTEN_MS = 60 * 60_000;

/** One that was started again is there already. */
const REPLACED_MS = 60_000;

interface Known {
  readonly server: ServerRecord;
  readonly beat: number;
  /** Monotonic: when its beat was first seen, or since when its silence counts. */
  readonly heardMs: number;
  readonly isAlive: boolean;
}

export interface Roll {
  readonly self: ServerRecord;
  /** The others, by id. */
  readonly known: ReadonlyMap<string, Known>;
  /** Monotonic: when the last meeting was over; undefined before the first. */
  readonly metMs: number | undefined;
  /** The last term, and who took it. */
  readonly term: number;
  readonly leaderId: string | undefined;
}

export function emptyRoll(self: ServerRecord): Roll {
  return { self, known: new Map(), metMs: undefined, term: 0, leaderId: undefined };
}

export function takeMeeting(roll: Roll, { servers, term, leaderId }: Meeting, nowMs: number): Roll {
  const { self, metMs } = roll;
  const wasDeaf = metMs === undefined || nowMs - metMs > MAX_GAP_MS;
  const known = new Map<string, Known>();
  for (const { server, beat } of servers) {
    if (server.id === self.id) continue;
    const before = roll.known.get(server.id);
    const hasRisen = before?.beat !== beat;
    const heardMs = hasRisen || (wasDeaf && before.isAlive) ? nowMs : before.heardMs;
    const isAlive = hasRisen || (before.isAlive && nowMs - heardMs < GONE_MS);
    known.set(server.id, { server, beat, heardMs, isAlive: isAlive && !isPredecessor(server, self) });
  }
  return { self, known, metMs: nowMs, term, leaderId };
}

/** A server that was started again need not wait for its own death: where it listens, nobody else can. */
function isPredecessor(server: ServerRecord, self: ServerRecord): boolean {
  return (
    server.name === self.name && server.address === self.address && server.startedAtMs < self.startedAtMs
  );
}

/** The others that are alive. */
export function aliveIn({ known }: Roll): ServerRecord[] {
  return [...known.values()].filter(({ isAlive }) => isAlive).map(({ server }) => server);
}

/** A server that the store knows of. */
export interface ListedServer extends ServerRecord {
  isAlive: boolean;
  /** For how long nothing has been heard of it. */
  silentMs: number;
}

/** All of them, this one first, the others by name. */
export function listedIn({ self, known }: Roll, nowMs: number): ListedServer[] {
  const others = [...known.values()].map(({ server, isAlive, heardMs }) => ({
    ...server,
    isAlive,
    silentMs: nowMs - heardMs,
  }));
  others.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.startedAtMs - b.startedAtMs));
  return [{ ...self, isAlive: true, silentMs: 0 }, ...others];
}

/** Who leads; nobody, when it is gone. */
export function leaderIn({ self, known, leaderId }: Roll): ServerRecord | undefined {
  if (leaderId === undefined) return undefined;
  if (leaderId === self.id) return self;
  const found = known.get(leaderId);
  return found?.isAlive ? found.server : undefined;
}

/**
 * The last term, when this server should try to take the next: nobody leads, or
 * by the store's word it does itself, with a term that it does not hold.
 * @param heldTerm with which this server leads, if it does
 */
export function vacancyIn(roll: Roll, heldTerm: number | undefined): number | undefined {
  if (roll.metMs === undefined) return undefined;
  const leader = leaderIn(roll);
  if (leader && (leader.id !== roll.self.id || roll.term === heldTerm)) return undefined;
  return roll.term;
}

/** Milliseconds until the next meeting: at the latest when somebody would be gone. */
export function nextMeetingMs({ known, metMs }: Roll, nowMs: number): number {
  let dueMs = (metMs ?? nowMs) + MEET_MS;
  for (const { isAlive, heardMs } of known.values()) {
    if (isAlive) dueMs = Math.min(dueMs, heardMs + GONE_MS);
  }
  return Math.max(0, dueMs - nowMs);
}

/** Ids of those that have been gone for long. */
export function forgottenIn({ self, known, metMs = 0 }: Roll): string[] {
  const there = [self, ...[...known.values()].map(({ server }) => server)];
  return [...known.values()].flatMap(({ server, isAlive, heardMs }) => {
    const isReplaced = there.some((other) => isPredecessor(server, other));
    const keptMs = isReplaced ? REPLACED_MS : FORGOTTEN_MS;
    return !isAlive && metMs - heardMs >= keptMs ? [server.id] : [];
  });
}
