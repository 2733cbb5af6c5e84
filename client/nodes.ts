import { NodeService } from '@armada-ts/api/api/control';
import type { CallOptions, Connection } from './connect.ts';
import type { RunSelection } from './executors.ts';

/** A node and which of its runs are meant. Node names are unique only within a cluster, hence the executor. */
export interface NodeSelection extends RunSelection {
  name: string;
  executor: string;
}

/** Asks for the preemptible runs of a node to be preempted; what becomes of each shows in its job set. */
export async function preemptOnNode(
  connection: Connection,
  selection: NodeSelection,
  options?: CallOptions,
): Promise<void> {
  await connection.call(NodeService.preemptOnNode, onNode(selection), options);
}

/** Asks for the jobs that hold a run on a node to be cancelled. */
export async function cancelOnNode(
  connection: Connection,
  selection: NodeSelection,
  options?: CallOptions,
): Promise<void> {
  await connection.call(NodeService.cancelOnNode, onNode(selection), options);
}

function onNode({ name, executor, queues, priorityClasses = [] }: NodeSelection) {
  return { name, executor, queues: [...queues], priorityClasses: [...priorityClasses] };
}
