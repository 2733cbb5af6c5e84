/** The process runtime in a directory of its own, anew for each test of a file. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import { systemClock } from '@armada-ts/executor/clock';
import { nodesOf } from '@armada-ts/executor/nodes';
import { type HeldRun, type Runtime, type RunState, hasEnded } from '@armada-ts/executor/runtime';
import { type ProcessSettings, processRuntime } from '@armada-ts/executor/process/process-runtime';
import { type Sample, sampleLease } from './lease.ts';

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export interface ProcessWorld {
  readonly directory: string;
  readonly runtime: Runtime;
  /** Runs as the runtime has told them, one entry a change. */
  readonly changes: readonly HeldRun[];
  settings(over?: Partial<ProcessSettings>): ProcessSettings;
  /** Opens the runtime again, after it was closed. */
  open(over?: Partial<ProcessSettings>): Promise<void>;
  stateOf(runId: string): RunState | undefined;
  end(lease: JobRunLease): Promise<RunState>;
  /** Runs a shell script to its end. */
  run(script: string, sample?: Sample): Promise<{ state: RunState; log: string }>;
  logOf(lease: JobRunLease, container?: string, offset?: number, follow?: boolean): Promise<string>;
}

/** To be called once, before the tests of a file. */
export function useProcessWorld(): ProcessWorld {
  let directory = '';
  let runtime: Runtime;
  let changes: HeldRun[] = [];
  const world: ProcessWorld = {
    get directory() {
      return directory;
    },
    get runtime() {
      return runtime;
    },
    get changes() {
      return changes;
    },
    settings: (over = {}) => ({
      directory,
      nodes: nodesOf([
        { name: 'local', count: 1, resources: { cpu: '2' }, labels: {}, taints: [], pool: 'default' },
      ]),
      logMaxBytes: 1_000_000,
      endedKeptMs: 60_000,
      endedKeptMax: 100,
      environment: { PATH: process.env['PATH'], SECRET: 'hunter2', HOME: '/' },
      clock: systemClock,
      logger: silent,
      ...over,
    }),
    async open(over) {
      runtime = await processRuntime(world.settings(over))((run) => changes.push(run));
    },
    stateOf: (runId) => [...runtime.held()].find((run) => run.runId === runId)?.state,
    async end(lease) {
      await until(() => hasEnded(world.stateOf(lease.jobRunId) ?? { phase: 'pending' }));
      return world.stateOf(lease.jobRunId)!;
    },
    async run(script, sample = {}) {
      const lease = sampleLease(script, sample);
      runtime.start(lease);
      const state = await world.end(lease);
      return { state, log: await world.logOf(lease).catch(() => '') };
    },
    async logOf(lease, container, offset = 0, follow = false) {
      const request = { jobId: lease.job!.jobId, runId: lease.jobRunId, container, offset, follow };
      const parts: Uint8Array[] = [];
      for await (const part of runtime.log({ ...request, signal: AbortSignal.timeout(8_000) }))
        parts.push(part.data);
      return Buffer.concat(parts).toString();
    },
  };

  beforeEach(async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'armada-process-'));
    changes = [];
    await world.open();
  });

  afterEach(async () => {
    for (const { runId } of runtime.held()) runtime.stop(runId);
    await until(() => [...runtime.held()].every(({ state }) => hasEnded(state)));
    await runtime.close();
    fs.rmSync(directory, { recursive: true, force: true });
  });
  return world;
}

export async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !isSo(); ) {
    assert.ok(Date.now() < end, 'it did not happen within 10 s');
    await sleep(5);
  }
}

/** The first value that is one. */
export async function eventually<Value>(look: () => Value | undefined): Promise<Value> {
  let found: Value | undefined;
  await until(() => (found = look()) !== undefined);
  return found!;
}
