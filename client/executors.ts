import { ExecutorService } from '@armada-ts/api/api/control';
import type { CallOptions, Connection } from './connect.ts';
import { callRepeatedly } from './retry.ts';

/**
 * Which runs of a cluster or node are meant. No queues select nothing, so that
 * a forgotten list cannot empty a cluster; what else is left out selects all.
 */
export interface RunSelection {
  queues: readonly string[];
  priorityClasses?: readonly string[];
}

/** Stops new runs on a cluster; those it has go on. May be called before its executor ever showed up. */
export async function cordonExecutor(
  connection: Connection,
  name: string,
  reason: string,
  options?: CallOptions,
): Promise<void> {
  const request = { name, cordoned: true, cordonReason: reason };
  await callRepeatedly(connection, ExecutorService.upsertExecutorSettings, request, options);
}

/** Lets a cluster have new runs again. */
export async function uncordonExecutor(
  connection: Connection,
  name: string,
  options?: CallOptions,
): Promise<void> {
  const request = { name, cordoned: false, cordonReason: '' };
  await callRepeatedly(connection, ExecutorService.upsertExecutorSettings, request, options);
}

/** Forgets what was set for a cluster, which uncordons it. */
export async function deleteExecutorSettings(
  connection: Connection,
  name: string,
  options?: CallOptions,
): Promise<void> {
  await callRepeatedly(connection, ExecutorService.deleteExecutorSettings, { name }, options);
}

/**
 * Gives up a cluster that is gone for good: its runs are treated as after a long
 * silence. An executor that is alive after all registers again by itself.
 */
export async function deleteExecutor(
  connection: Connection,
  name: string,
  options?: CallOptions,
): Promise<void> {
  await connection.call(ExecutorService.deleteExecutor, { name }, options);
}

/** Asks for the preemptible runs of a cluster to be preempted; what becomes of each shows in its job set. */
export async function preemptOnExecutor(
  connection: Connection,
  selection: RunSelection & { name: string; pools?: readonly string[] },
  options?: CallOptions,
): Promise<void> {
  await connection.call(ExecutorService.preemptOnExecutor, onCluster(selection), options);
}

/** Asks for the jobs that hold a run on a cluster to be cancelled. */
export async function cancelOnExecutor(
  connection: Connection,
  selection: RunSelection & { name: string; pools?: readonly string[] },
  options?: CallOptions,
): Promise<void> {
  await connection.call(ExecutorService.cancelOnExecutor, onCluster(selection), options);
}

function onCluster(selection: RunSelection & { name: string; pools?: readonly string[] }) {
  const { name, queues, priorityClasses = [], pools = [] } = selection;
  return { name, queues: [...queues], priorityClasses: [...priorityClasses], pools: [...pools] };
}
