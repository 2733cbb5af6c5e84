/** Executors and nodes as whoever leads knows them, for operators: the door lets in nobody else. */
import type {
  ExecutorStatus,
  ListExecutorsRequest,
  ListExecutorsResponse,
  ListNodesRequest,
  ListNodesResponse,
  NodeStatus,
} from '@armada-ts/api/armada/operator/v1/fleet';
import type { ReadFleetRequest, ReadFleetResponse } from '@armada-ts/api/armada/server/v1/peers';
import { ArmadaError } from '../base/errors.ts';
import type { Place } from '../model/executor-settings.ts';
import { shown } from '../model/names.ts';

export interface FleetDeps {
  /** Throws UNAVAILABLE. */
  readFleet: (question: ReadFleetRequest) => Promise<ReadFleetResponse>;
}

/** Throws EXECUTOR_NOT_FOUND when one is named and not known, UNAVAILABLE. */
export async function listExecutors(
  { readFleet }: FleetDeps,
  request: ListExecutorsRequest,
): Promise<ListExecutorsResponse> {
  const { answer } = await readFleet({ question: { $case: 'executors', value: request } });
  if (answer?.$case !== 'executors') throw new Error('asked for executors and was told something else');
  if (request.name !== '' && answer.value.executors.length === 0) throw executorNotFound(request.name);
  return answer.value;
}

/** Throws EXECUTOR_NOT_FOUND or NODE_NOT_FOUND when one is named and not known, UNAVAILABLE. */
export async function listNodes(deps: FleetDeps, request: ListNodesRequest): Promise<ListNodesResponse> {
  const { answer } = await deps.readFleet({ question: { $case: 'nodes', value: request } });
  if (answer?.$case !== 'nodes') throw new Error('asked for nodes and was told something else');
  if (answer.value.nodes.length > 0 || request.pageToken !== '') return answer.value;
  const { executor, name } = request;
  if (executor !== '') await findExecutor(deps, executor);
  if (name !== '') throw nodeNotFound({ executorId: executor, node: name });
  return answer.value;
}

/** Throws EXECUTOR_NOT_FOUND, UNAVAILABLE. */
export async function findExecutor(deps: FleetDeps, name: string): Promise<ExecutorStatus> {
  const request = { name, pageSize: 1, pageToken: '' };
  const { executors } = await listExecutors(deps, request);
  if (!executors[0]) throw executorNotFound(name);
  return executors[0];
}

/** Throws EXECUTOR_NOT_FOUND, NODE_NOT_FOUND, UNAVAILABLE. */
export async function findNode(deps: FleetDeps, place: Place): Promise<NodeStatus> {
  const request = { executor: place.executorId, name: place.node, pageSize: 1, pageToken: '' };
  const { nodes } = await listNodes(deps, request);
  if (!nodes[0]) throw nodeNotFound(place);
  return nodes[0];
}

function executorNotFound(name: string): ArmadaError {
  return new ArmadaError('EXECUTOR_NOT_FOUND', `no executor ${shown(name)} is known`);
}

function nodeNotFound({ executorId, node }: Place): ArmadaError {
  const where = executorId === '' ? '' : ` of executor ${shown(executorId)}`;
  return new ArmadaError('NODE_NOT_FOUND', `no node ${shown(node)}${where} is known`);
}
