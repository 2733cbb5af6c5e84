// Judges the processes of jobs by what they wrote themselves: a run starts one
// process, a job has as many as it had leases, and two at a time only after its
// executor was silent for so long that it was given up.
import type { Entry, ProcessEntry } from './history.ts';
import type { JobHistory } from './job-histories.ts';
import type { Limits, Violation } from './judge.ts';

interface Outage {
  fromMs: number;
  /** Infinity while it lasts. */
  toMs: number;
}

export interface ProcessVerdict {
  violations: Violation[];
  overlaps: number;
  count: number;
}

/** Judges all processes of a history. */
export function judgeProcesses(
  entries: readonly Entry[],
  jobs: ReadonlyMap<string, JobHistory>,
  { silenceMs }: Limits,
): ProcessVerdict {
  const verdict: ProcessVerdict = { violations: [], overlaps: 0, count: 0 };
  const outages = outagesOf(entries);
  for (const [jobId, lines] of linesByJob(entries)) {
    const runs = new Set<string>();
    let open: ProcessEntry[] = [];
    for (const line of lines) {
      if (line.kind === 'end') {
        open = open.filter(({ pid }) => pid !== line.pid);
        continue;
      }
      verdict.count++;
      if (runs.has(line.runId)) {
        const text = `run ${line.runId} of ${jobId} was started twice`;
        verdict.violations.push({ breach: 'doubled', text });
      }
      runs.add(line.runId);
      for (const other of open) {
        verdict.overlaps++;
        if (silence(outages, other.timeMs, line.timeMs) >= silenceMs) continue;
        const text = `${jobId} had processes ${other.pid} and ${line.pid} at a time`;
        verdict.violations.push({ breach: 'overlap', text });
      }
      open.push(line);
    }
    const leases = jobs.get(jobId)?.events.filter(({ event }) => event === 'leased').length ?? 0;
    if (runs.size > leases) {
      const text = `${jobId} was leased ${leases} times and started ${runs.size} times`;
      verdict.violations.push({ breach: 'doubled', text });
    }
  }
  return verdict;
}

function linesByJob(entries: readonly Entry[]): Map<string, ProcessEntry[]> {
  const jobs = new Map<string, ProcessEntry[]>();
  for (const entry of entries) {
    if (entry.kind !== 'start' && entry.kind !== 'end') continue;
    const lines = jobs.get(entry.jobId) ?? [];
    lines.push(entry);
    jobs.set(entry.jobId, lines);
  }
  return jobs;
}

function outagesOf(entries: readonly Entry[]): Outage[] {
  const outages: Outage[] = [];
  const down = new Map<string, Outage>();
  for (const entry of entries) {
    if (entry.kind === 'down') {
      const outage = { fromMs: entry.timeMs, toMs: Infinity };
      outages.push(outage);
      down.set(entry.program, outage);
    } else if (entry.kind === 'up') {
      const outage = down.get(entry.program);
      if (outage) outage.toMs = entry.timeMs;
    }
  }
  return outages;
}

/** The longest that a program was away between two moments, in milliseconds. */
function silence(outages: readonly Outage[], fromMs: number, toMs: number): number {
  return Math.max(
    0,
    ...outages.map((outage) => Math.min(outage.toMs, toMs) - Math.max(outage.fromMs, fromMs)),
  );
}
