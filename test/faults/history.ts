// What a history of a run under faults consists of: what was asked and answered,
// what watchers received, what the jobs themselves left behind, what was killed.
// It is a file of JSON lines, so that it can be kept, looked into and judged again.
import { createWriteStream, type WriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** How a job must end; `any` where it depends on the moment, as with one that is cancelled. */
export type Expectation = 'succeeded' | 'failed' | 'any';

/** One item of a submit and what the server said to it. */
export interface SubmitEntry {
  kind: 'submit';
  queue: string;
  jobSet: string;
  clientId: string;
  expect: Expectation;
  /** `unknown` when no answer came, so that it may have happened or not. */
  outcome: 'acknowledged' | 'unknown' | 'refused';
  /** Of the job that was acknowledged. */
  jobId?: string;
  /** Why it was refused, or what is unknown. */
  reason?: string;
  /** When it was answered. */
  timeMs?: number;
}

/** A job that was to be cancelled, reprioritised or preempted. */
export interface RequestEntry {
  kind: 'cancel' | 'reprioritize' | 'preempt';
  jobId: string;
  outcome: 'acknowledged' | 'unknown' | 'refused';
  reason?: string;
}

/** An event as one reader received it. */
export interface EventEntry {
  kind: 'event';
  /** Who received it: a watcher, or `final` for the whole read at the end. */
  reader: string;
  jobSet: string;
  id: string;
  jobId: string;
  event: string;
  /** By which the job was submitted; told by the event `submitted` only. */
  clientId?: string;
  /** When the server says that it happened. */
  createdMs: number;
}

/** A watcher that goes on after a break. */
export interface ResumeEntry {
  kind: 'resume';
  reader: string;
  jobSet: string;
  /** The last id it had; empty when it had none. */
  fromId: string;
  reason: string;
}

/** A process of a job, by what it wrote itself. */
export interface ProcessEntry {
  kind: 'start' | 'end';
  jobId: string;
  runId: string;
  pid: number;
  timeMs: number;
}

/** A program that was killed, or is up again. */
export interface ProgramEntry {
  kind: 'down' | 'up';
  /** `server`, or the name of an executor. */
  program: string;
  timeMs: number;
}

/** A program that ended though nobody had killed it. */
export interface CollapseEntry {
  kind: 'collapse';
  program: string;
  /** The last that it wrote. */
  text: string;
  timeMs: number;
}

/** The load is over and nothing more is waited for. */
export interface FinishEntry {
  kind: 'finish';
  timeMs: number;
}

export type Entry =
  | SubmitEntry
  | RequestEntry
  | EventEntry
  | ResumeEntry
  | ProcessEntry
  | ProgramEntry
  | CollapseEntry
  | FinishEntry;

/** The reader of the whole stream at the end, which the others are compared with. */
export const FINAL_READER = 'final';

/** Writes a history as it happens. */
export class Recorder {
  readonly #file: WriteStream;

  constructor(path: string) {
    this.#file = createWriteStream(path);
  }

  record(entry: Entry): void {
    this.#file.write(`${JSON.stringify(entry)}\n`);
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#file.once('error', reject);
      this.#file.end(resolve);
    });
  }
}

/** Reads a history back. */
export async function readHistory(path: string): Promise<Entry[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Entry);
}

/** Reads what jobs wrote about their processes: lines `jobId runId start|end pid timeMs`, in the order written. */
export async function readProcesses(path: string): Promise<ProcessEntry[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [jobId = '', runId = '', kind, pid, timeMs] = line.split(' ');
    if (kind !== 'start' && kind !== 'end') throw new Error(`no line of a job: ${line}`);
    return { kind, jobId, runId, pid: Number(pid), timeMs: Number(timeMs) };
  });
}
