/**
 * Processes by what /proc says of them. A process id alone proves nothing, for
 * ids are used again: together with its start time and the machine's boot id
 * (see proc(5)) it names one process for good.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** One process, alive or not. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks since the machine started, as text; only ever compared. */
  startTime: string;
  bootId: string;
}

interface ProcessStat {
  pid: number;
  state: string;
  parent: number;
  group: number;
  session: number;
  startTime: string;
}

/** Changes with each start of the machine. Throws where there is no Linux /proc. */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

/** Whether this very process is alive; one that only waits to be reaped is not. */
export function isAlive(process: ProcessIdentity, bootId: string): boolean {
  if (process.bootId !== bootId) return false;
  const stat = readStat(process.pid);
  return stat !== undefined && stat.startTime === process.startTime && !isOver(stat);
}

function isOver({ state }: ProcessStat): boolean {
  return state === 'Z' || state === 'X';
}

/**
 * Whether this process id still stands for the shim or for what it left: the
 * system gives an id to nobody else while a session or process group has it.
 */
function ownsItsId(shim: ShimIdentity, bootId: string): boolean {
  if (shim.bootId !== bootId) return false;
  const stat = readStat(shim.pid);
  return stat === undefined || stat.startTime === shim.startTime;
}

/** Sends a signal to the process group of a shim, alive or gone. */
export function signalGroup(shim: ShimIdentity, bootId: string, signal: NodeJS.Signals): void {
  if (ownsItsId(shim, bootId)) sendSignal(-shim.pid, signal);
}

/** What a shim's session consists of. */
export interface Session {
  /** The shim, the keeper, the capper and what the capper started: those that finish the record of the run. */
  own: number[];
  /** The command and all its offspring that stayed in the session. */
  command: number[];
  /** Those of `command` that made a process group of their own, so that signals to the shim's miss them. */
  strayed: number[];
  /** Whether some of `own` is at work or waits for the disk, so that the log may not be whole yet. */
  isWriting: boolean;
}

/** What a shim wrote into its `pid` file. */
export interface ShimIdentity extends ProcessIdentity {
  /** Process id of the command's parent. */
  keeper: number;
}

/** Looks up sessions. A look at all processes takes long where there are thousands, so one serves many questions. */
export interface SessionReader {
  /** Everything alive in the session that a shim leads or led; without what it has started in the last moment. */
  read(shim: ShimIdentity): Session;
  /** The same, with that. */
  readNow(shim: ShimIdentity): Session;
}

/** A look is good for so long at least, and for as long as two such looks take. */
const LOOK_KEPT_MS = 20;
const LOOK_KEPT_SHARE = 2;

/** @param elapsedMs a clock that never jumps */
export function createSessionReader(bootId: string, elapsedMs: () => number): SessionReader {
  let members = new Map<number, number[]>();
  let keptUntilMs = -Infinity;
  const look = (): void => {
    const beganMs = elapsedMs();
    members = allSessions();
    const endedMs = elapsedMs();
    keptUntilMs = endedMs + Math.max(LOOK_KEPT_MS, LOOK_KEPT_SHARE * (endedMs - beganMs));
  };
  const read = (shim: ShimIdentity): Session => {
    if (!ownsItsId(shim, bootId)) return { own: [], command: [], strayed: [], isWriting: false };
    // Looked at once more, as ids are used again.
    const stats = (members.get(shim.pid) ?? []).flatMap((pid) => readStat(pid) ?? []);
    return partsOf(
      shim,
      stats.filter((stat) => stat.session === shim.pid && !isOver(stat)),
    );
  };
  return {
    read(shim) {
      if (elapsedMs() >= keptUntilMs) look();
      return read(shim);
    },
    readNow(shim) {
      look();
      return read(shim);
    },
  };
}

/** Process ids by the session that they are in. */
function allSessions(): Map<number, number[]> {
  const sessions = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    const stat = Number.isInteger(pid) ? readStat(pid) : undefined;
    if (stat === undefined) continue;
    const pids = sessions.get(stat.session);
    if (pids === undefined) sessions.set(stat.session, [pid]);
    else pids.push(pid);
  }
  return sessions;
}

function partsOf(shim: ShimIdentity, members: readonly ProcessStat[]): Session {
  const own = ownOf(shim, members);
  const session: Session = { own: [...own], command: [], strayed: [], isWriting: false };
  for (const { pid, group, state } of members) {
    if (own.has(pid)) session.isWriting ||= state === 'R' || state === 'D';
    else session.command.push(pid);
    if (!own.has(pid) && group !== shim.pid) session.strayed.push(pid);
  }
  return session;
}

/** Shim and keeper, and the capper with all that it has started: a shell may stand between it and `dd`. */
function ownOf(shim: ShimIdentity, members: readonly ProcessStat[]): Set<number> {
  const own = new Set<number>();
  let isGrowing = true;
  while (isGrowing) {
    const before = own.size;
    for (const { pid, parent } of members) {
      const isOfShim = pid === shim.pid || parent === shim.pid;
      if (isOfShim || (parent !== shim.keeper && own.has(parent))) own.add(pid);
    }
    isGrowing = own.size > before;
  }
  return own;
}

/** Sends a signal to each; those that are gone already are passed over. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) sendSignal(pid, signal);
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile, which is what was wanted.
  }
}

function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The second field is the program's name in parentheses and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group, session] = fields;
  const startTime = fields[19];
  if (state === undefined || startTime === undefined) return undefined;
  return { pid, state, parent: Number(parent), group: Number(group), session: Number(session), startTime };
}
