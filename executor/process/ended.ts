import fs from 'node:fs';
import path from 'node:path';
import type { Clock } from '../clock.ts';
import { type AcceptedRun, listRunIds, readRunDirectory } from './run-directory.ts';

/** How long ended runs are kept. */
export interface EndedLimits {
  keptMs: number;
  keptMax: number;
}

interface EndedRun {
  jobId: string;
  endedAtMs: number;
}

/** How often old ones are looked for. */
const SWEEP_MS = 30_000;

/**
 * Runs whose end the server knows: kept for a while for their logs, and so that
 * a run offered once more is answered with its end instead of being run again.
 */
export class EndedRuns {
  readonly #directory: string;
  readonly #limits: EndedLimits;
  readonly #clock: Clock;
  /** By run id, the one that ended first comes first. */
  readonly #runs = new Map<string, EndedRun>();
  readonly #timer: NodeJS.Timeout;

  /** Finds those again that an earlier executor process kept. */
  constructor(directory: string, limits: EndedLimits, clock: Clock) {
    this.#directory = directory;
    this.#limits = limits;
    this.#clock = clock;
    const found = listRunIds(directory).flatMap((runId) => {
      const run = this.#read(runId);
      return run === undefined
        ? []
        : [{ runId, jobId: run.lease.job?.jobId ?? '', endedAtMs: this.#endedAtMs(runId) }];
    });
    for (const { runId, ...run } of found.sort((a, b) => a.endedAtMs - b.endedAtMs))
      this.#runs.set(runId, run);
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
    this.#sweep();
  }

  /** Takes over the directory of a run that was held. */
  add(runId: string, jobId: string, from: string): void {
    fs.renameSync(from, path.join(this.#directory, runId));
    this.#runs.set(runId, { jobId, endedAtMs: this.#clock.now() });
    if (this.#runs.size > this.#limits.keptMax) this.#sweep();
  }

  /** Gives a run's directory back, to be held once more. Tells whether it was here. */
  takeBack(runId: string, to: string): boolean {
    if (!this.#runs.delete(runId)) return false;
    fs.renameSync(path.join(this.#directory, runId), to);
    return true;
  }

  /** The run, or without a run id the newest of the job. */
  find(jobId: string, runId: string | undefined): AcceptedRun | undefined {
    for (const [id, run] of [...this.#runs].reverse()) {
      if (run.jobId === jobId && (runId === undefined || runId === id)) return this.#read(id);
    }
    return undefined;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #read(runId: string): AcceptedRun | undefined {
    try {
      return readRunDirectory(path.join(this.#directory, runId));
    } catch {
      return undefined;
    }
  }

  #endedAtMs(runId: string): number {
    const stat = fs.statSync(path.join(this.#directory, runId, 'outcome'), { throwIfNoEntry: false });
    return stat?.mtimeMs ?? 0;
  }

  #sweep(): void {
    const { keptMs, keptMax } = this.#limits;
    for (const [runId, { endedAtMs }] of this.#runs) {
      if (this.#runs.size <= keptMax && this.#clock.now() - endedAtMs < keptMs) break;
      this.#runs.delete(runId);
      // What cannot be removed now is found again at the next start.
      fs.rm(path.join(this.#directory, runId), { recursive: true, force: true }, () => {});
    }
  }
}
