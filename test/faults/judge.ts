// Judges a history by what the system promises: every acknowledged job ends
// once, streams have no gaps and no repeats, a client id is one job, a run is
// one process. A function of the history and nothing else.
import type { Entry, SubmitEntry } from './history.ts';
import { judgeProcesses } from './judge-processes.ts';
import { judgeStreams } from './judge-streams.ts';
import { type JobHistory, jobHistories, TERMINAL } from './job-histories.ts';

export type Breach =
  /** An acknowledged job of which the streams know nothing. */
  | 'lost'
  /** A job that ended twice, was submitted twice, or a run that was started twice. */
  | 'doubled'
  /** A job without progress for too long. */
  | 'stuck'
  /** A job that has not ended, though it was not given long enough to be called stuck. */
  | 'unfinished'
  /** A job that ended otherwise than it had to. */
  | 'wrong-end'
  /** An event of a job after its end. */
  | 'after-end'
  /** A job that nobody asked for, or an event that the whole read does not have. */
  | 'invented'
  | 'gap'
  | 'repeat'
  | 'disorder'
  /** A client id with two jobs, or a job with two client ids. */
  | 'changed-id'
  /** A valid request was refused. */
  | 'refused'
  /** An acknowledged cancellation or new priority of which nothing came. */
  | 'forgotten'
  /** Two processes of a job at a time, though its executor was never silent for long. */
  | 'overlap'
  /** A program that ended by itself. */
  | 'collapse';

export interface Violation {
  breach: Breach;
  /** What happened, for people. */
  text: string;
}

export interface Limits {
  /** A job whose executor is alive makes progress within this time, in milliseconds. */
  stuckMs: number;
  /** After this silence of an executor its runs are given up, so that a job may have two processes. */
  silenceMs: number;
}

export interface Verdict {
  violations: Violation[];
  acknowledged: number;
  /** Jobs that ended, by their terminal event. */
  ended: Map<string, number>;
  /** Pairs of processes of one job that lived at the same time, allowed or not. */
  overlaps: number;
  /** Processes that jobs started. */
  processes: number;
  /** Programs that were killed. */
  kills: number;
  resumes: number;
}

export const LIMITS: Limits = { stuckMs: 60_000, silenceMs: 600_000 };

/** Judges a history; it holds when there are no violations. */
export function judgeHistory(entries: readonly Entry[], limits: Limits = LIMITS): Verdict {
  const jobs = jobHistories(entries);
  const acknowledged = acknowledgedJobs(entries);
  const processes = judgeProcesses(entries, jobs, limits);
  const ended = new Map<string, number>();
  for (const { end } of jobs.values()) if (end !== undefined) ended.set(end, (ended.get(end) ?? 0) + 1);
  return {
    violations: [
      ...judgeIds(entries),
      ...judgeEnds(acknowledged, jobs, entries, limits),
      ...judgeHistories(jobs, entries, limits),
      ...judgeRequests(entries, jobs),
      ...judgeStreams(entries),
      ...processes.violations,
      ...judgePrograms(entries),
    ],
    acknowledged: acknowledged.size,
    ended,
    overlaps: processes.overlaps,
    processes: processes.count,
    kills: entries.filter(({ kind }) => kind === 'down').length,
    resumes: entries.filter(({ kind }) => kind === 'resume').length,
  };
}

/** Jobs whose submit was answered, by id. */
function acknowledgedJobs(entries: readonly Entry[]): Map<string, SubmitEntry> {
  const jobs = new Map<string, SubmitEntry>();
  for (const entry of entries) {
    if (entry.kind === 'submit' && entry.outcome === 'acknowledged') jobs.set(entry.jobId ?? '', entry);
  }
  return jobs;
}

/** A client id names one job however often it is submitted, and no other client id names that one. */
function judgeIds(entries: readonly Entry[]): Violation[] {
  const violations: Violation[] = [];
  const jobOf = new Map<string, string>();
  const clientOf = new Map<string, string>();
  for (const entry of entries) {
    if (entry.kind !== 'submit') continue;
    const { queue, clientId, outcome, jobId = '', reason } = entry;
    if (outcome === 'refused')
      violations.push({ breach: 'refused', text: `submit of ${clientId}: ${reason}` });
    if (outcome !== 'acknowledged') continue;
    const key = `${queue}/${clientId}`;
    const known = jobOf.get(key) ?? jobId;
    const owner = clientOf.get(jobId) ?? key;
    if (known !== jobId) {
      violations.push({ breach: 'changed-id', text: `${key} was ${known} and then ${jobId}` });
    }
    if (owner !== key) {
      violations.push({ breach: 'changed-id', text: `${jobId} was answered to ${owner} and to ${key}` });
    }
    jobOf.set(key, known);
    clientOf.set(jobId, owner);
  }
  return violations;
}

/** Every acknowledged job has ended, and as it had to. */
function judgeEnds(
  acknowledged: ReadonlyMap<string, SubmitEntry>,
  jobs: ReadonlyMap<string, JobHistory>,
  entries: readonly Entry[],
  { stuckMs }: Limits,
): Violation[] {
  const violations: Violation[] = [];
  const finishMs = entries.findLast((entry) => entry.kind === 'finish')?.timeMs ?? 0;
  const lastMs = Math.max(0, ...[...jobs.values()].map(({ events }) => events.at(-1)?.createdMs ?? 0));
  for (const [jobId, { clientId, expect }] of acknowledged) {
    const job = jobs.get(jobId);
    const name = `${clientId} (${jobId})`;
    if (!job) {
      violations.push({ breach: 'lost', text: `${name} was acknowledged and has no events` });
      continue;
    }
    const told = job.events.map(({ event }) => event).join(', ');
    if (job.end === undefined) {
      // A job in the queue may wait for others, as long as any goes on.
      const sinceMs = job.isLeased ? (job.events.at(-1)?.createdMs ?? 0) : lastMs;
      const breach = finishMs - sinceMs >= stuckMs ? 'stuck' : 'unfinished';
      violations.push({ breach, text: `${name} has not ended: ${told}` });
    } else if (expect !== 'any' && job.end !== expect) {
      violations.push({ breach: 'wrong-end', text: `${name} should have ${expect}: ${told}` });
    }
  }
  return violations;
}

/** What no job may go through, acknowledged or not. */
function judgeHistories(
  jobs: ReadonlyMap<string, JobHistory>,
  entries: readonly Entry[],
  { stuckMs }: Limits,
): Violation[] {
  const asked = new Set(entries.flatMap((entry) => (entry.kind === 'submit' ? [entry.clientId] : [])));
  const downs = entries.flatMap((entry) => (entry.kind === 'down' ? [entry.timeMs] : []));
  return [...jobs].flatMap(([jobId, { events, clientId }]) => {
    const violations: Violation[] = [];
    const kinds = events.map(({ event }) => event);
    const told = `${jobId}: ${kinds.join(', ')}`;
    if (clientId !== undefined && !asked.has(clientId)) {
      violations.push({ breach: 'invented', text: `nobody submitted ${clientId}; ${told}` });
    }
    if (kinds[0] !== 'submitted') violations.push({ breach: 'disorder', text: told });
    if (kinds.filter((kind) => kind === 'submitted').length > 1) {
      violations.push({ breach: 'doubled', text: `submitted twice; ${told}` });
    }
    if (isLeasedTwice(kinds)) violations.push({ breach: 'doubled', text: `leased twice; ${told}` });
    const whole = withoutEcho(kinds);
    if (whole.filter((kind) => TERMINAL.has(kind)).length > 1) {
      violations.push({ breach: 'doubled', text: `ended twice; ${told}` });
    }
    const end = whole.findIndex((kind) => TERMINAL.has(kind));
    if (end !== -1 && end < whole.length - 1) violations.push({ breach: 'after-end', text: told });
    const rest = longestRest(events, stuckMs, downs);
    if (rest !== undefined) violations.push({ breach: 'stuck', text: `${rest}; ${told}` });
    return violations;
  });
}

/** Whether a job was given out while somebody had it. */
function isLeasedTwice(kinds: readonly string[]): boolean {
  let isLeased = false;
  return kinds.some((kind) => {
    const isSecond = isLeased && kind === 'leased';
    if (kind === 'leased') isLeased = true;
    if (kind === 'leaseReturned' || kind === 'leaseExpired') isLeased = false;
    return isSecond;
  });
}

/** Of a preempted job is told once more, at once, that it has failed: as Armada does, for clients that know no preemption. */
function withoutEcho(kinds: readonly string[]): readonly string[] {
  const isEchoed = kinds.at(-2) === 'preempted' && kinds.at(-1) === 'failed';
  return isEchoed ? kinds.slice(0, -1) : kinds;
}

/** A pause of a job on an executor that lasted too long while nothing was killed. */
function longestRest(
  events: JobHistory['events'],
  stuckMs: number,
  downs: readonly number[],
): string | undefined {
  for (const [index, { event, createdMs }] of events.entries()) {
    const next = events[index + 1];
    if (!next || (event !== 'leased' && event !== 'pending' && event !== 'running')) continue;
    const pauseMs = next.createdMs - createdMs;
    const isExcused = downs.some((timeMs) => timeMs >= createdMs && timeMs <= next.createdMs);
    if (pauseMs >= stuckMs && !isExcused) return `${pauseMs} ms between ${event} and ${next.event}`;
  }
  return undefined;
}

/** What was acknowledged about a job shows in its events, unless it ended. */
function judgeRequests(entries: readonly Entry[], jobs: ReadonlyMap<string, JobHistory>): Violation[] {
  const shows = {
    cancel: ['cancelling', 'cancelled'],
    reprioritize: ['reprioritizing', 'reprioritized'],
    preempt: ['preempting', 'preempted'],
  };
  const violations: Violation[] = [];
  for (const entry of entries) {
    if (entry.kind !== 'cancel' && entry.kind !== 'reprioritize' && entry.kind !== 'preempt') continue;
    const { kind, jobId, outcome, reason } = entry;
    if (outcome === 'refused') violations.push({ breach: 'refused', text: `${kind} of ${jobId}: ${reason}` });
    if (outcome !== 'acknowledged') continue;
    const job = jobs.get(jobId);
    if (!job?.events.some(({ event }) => shows[kind].includes(event))) {
      violations.push({ breach: 'forgotten', text: `${kind} of ${jobId} was acknowledged` });
    }
  }
  return violations;
}

/** Whatever happens around it, a program goes on. */
function judgePrograms(entries: readonly Entry[]): Violation[] {
  return entries.flatMap((entry): Violation[] =>
    entry.kind === 'collapse'
      ? [{ breach: 'collapse', text: `${entry.program} ended by itself: ${entry.text}` }]
      : [],
  );
}

/** A verdict on one line, for people. */
export function summary(verdict: Verdict): string {
  const count = (...breaches: Breach[]): number =>
    verdict.violations.filter(({ breach }) => breaches.includes(breach)).length;
  const ended = [...verdict.ended].map(([event, jobs]) => `${jobs} ${event}`).join(', ');
  return [
    `${verdict.acknowledged} jobs (${ended})`,
    `${count('lost')} lost`,
    `${count('doubled', 'overlap')} doubled`,
    `${count('stuck', 'unfinished')} stuck`,
    `${verdict.kills} kills`,
    `${verdict.processes} processes, ${verdict.overlaps} overlaps`,
    `${verdict.resumes} resumes`,
  ].join(', ');
}
