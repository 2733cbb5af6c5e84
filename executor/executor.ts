/** Puts an executor together: a runtime, and the three loops that tie it to a server. */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeInfo } from '@armada-ts/api/executorapi/executorapi';
import { type Clock, systemClock } from './clock.ts';
import type { ExecutorConfig } from './config.ts';
import { connect } from './connection.ts';
import { identify } from './identity.ts';
import { LeaseLoop } from './lease.ts';
import { type LastContact, lastContactFile, nothingKept } from './last-contact.ts';
import { keepLink } from './link.ts';
import type { Logger } from './logger.ts';
import { type Machine, nodeGroups } from './node-groups.ts';
import { nodesOf } from './nodes.ts';
import { policedRuntime } from './pod-policy.ts';
import { processRuntime } from './process/process-runtime.ts';
import { ReportLoop } from './report.ts';
import { openRunSpans } from './run-spans.ts';
import { type HeldRun, hasEnded, type OpenRuntime, type Runtime } from './runtime.ts';
import { simulatedRuntime } from './simulated/simulated-runtime.ts';

/** What an executor is made of. */
export interface ExecutorOptions {
  config: ExecutorConfig;
  logger: Logger;
  /** The executor's own environment; commands get a few variables of it. */
  environment: Readonly<Record<string, string | undefined>>;
  clock?: Clock;
}

export interface RunningExecutor {
  readonly executorId: string;
  /**
   * Stops leasing and lets go of the executor id. What runs goes on, and is
   * found again by the next start; with `endRuns` it is ended first.
   */
  close(options?: { endRuns: boolean }): Promise<void>;
}

/** How long a report under way may still take when the executor is closed. */
const LINGER_MS = 2_000;
const LOOK_AGAIN_MS = 20;

/**
 * Starts an executor. It needs no server to be there: it connects when there is
 * one. Throws DirectoryLocked when another executor has the data directory, and
 * ConfigError when it holds runs of another executor id.
 */
export async function startExecutor(options: ExecutorOptions): Promise<RunningExecutor> {
  const { config, logger, clock = systemClock } = options;
  const connection = connect({
    caFile: undefined,
    username: undefined,
    password: undefined,
    ...config.server,
  });
  let onChange = (_run: HeldRun): void => {};
  const open = policedRuntime(openRuntime(options, clock), config.podPolicy, { clock, logger });
  const runtime = await open((run) => onChange(run));
  const executorId = await executorIdOf(config, runtime);
  const nodes = runtime.nodes();
  const pools = new Map(nodes.map((node) => [node.name, node.pool]));
  const lease = new LeaseLoop(
    {
      facts: { executorId, pool: config.pool, nodes, maxJobsToLease: config.lease.maxJobs },
      session: randomUUID(),
      heartbeatMs: config.lease.heartbeatMs,
      silenceLimitMs: config.lease.silenceLimitMs,
    },
    {
      connection,
      runtime,
      clock,
      logger,
      contact: config.runtime === 'simulated' ? nothingKept : lastContactOf(config, clock, logger),
      onConnected: () => report.retry(),
    },
  );
  const report = new ReportLoop({
    connection,
    runtime,
    reporter: { executorId, poolOf: (node) => pools.get(node) ?? config.pool },
    clock,
    logger,
    onTold: (runId) => lease.dropAfterShowing(runId),
  });
  const spans = openRunSpans(config.tracing.endpoint, { executorId, clock, logger });
  onChange = (run) => {
    spans?.changed(run);
    report.changed(run);
    lease.changed();
  };
  lease.start();
  const link = keepLink({ executorId, connection, runtime, logger });
  return {
    executorId,
    async close({ endRuns } = { endRuns: false }) {
      lease.close();
      if (endRuns) await endAll(runtime);
      link.close();
      await report.close(LINGER_MS);
      await spans?.close();
      await runtime.close();
      connection.close();
    },
  };
}

function lastContactOf(config: ExecutorConfig, clock: Clock, logger: Logger): LastContact {
  return lastContactFile(path.resolve(config.dataDirectory, 'last-contact'), clock, logger);
}

/** Ends every run that is held, and waits until nothing is left of them: each has its grace period. */
async function endAll(runtime: Runtime): Promise<void> {
  const live = () => [...runtime.held()].filter(({ state }) => !hasEnded(state));
  for (const { runId } of live()) runtime.stop(runId);
  while (live().length > 0) await sleep(LOOK_AGAIN_MS);
}

/** Throws ConfigError. */
async function executorIdOf(config: ExecutorConfig, runtime: Runtime): Promise<string> {
  if (config.runtime === 'simulated') return config.executorId ?? os.hostname();
  const [firstRun] = runtime.held();
  try {
    return identify(config.executorId, path.resolve(config.dataDirectory), firstRun !== undefined);
  } catch (error) {
    await runtime.close();
    throw error;
  }
}

function openRuntime({ config, logger, environment }: ExecutorOptions, clock: Clock): OpenRuntime {
  if (config.runtime === 'simulated')
    return simulatedRuntime(config.simulated, offered(config, undefined), clock);
  const directory = path.resolve(config.dataDirectory);
  fs.mkdirSync(directory, { recursive: true });
  const nodes = offered(config, thisMachine(directory));
  return processRuntime({ ...config.process, directory, nodes, environment, clock, logger });
}

function offered(config: ExecutorConfig, machine: Machine | undefined): NodeInfo[] {
  return nodesOf(nodeGroups(config, machine));
}

function thisMachine(directory: string): Machine {
  const disk = fs.statfsSync(directory);
  return {
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    freeDiskBytes: disk.bavail * disk.bsize,
    platform: os.platform(),
    architecture: os.arch(),
  };
}
