// Calls of armada.operator.v1.FleetService as operators make them, by gRPC.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import {
  type ExecutorStatus,
  FleetServiceService,
  type ListExecutorsResponse,
  type ListNodesResponse,
  type NodeStatus,
} from '@armada-ts/api/armada/operator/v1/fleet';
import { type AnyMethod, call } from './calls.ts';
import { openOperatorClient, presenting } from './operator-calls.ts';
import type { OperatorAccess } from './server.ts';

export interface FleetCalls extends Disposable {
  /** The answer of a method; a server that does not know who leads is asked again. Rejects with the refusal. */
  ask(method: keyof typeof FleetServiceService, request: object): Promise<object>;
  /** Undefined when it is not known. */
  executor(name: string): Promise<ExecutorStatus | undefined>;
  nodes(executor: string): Promise<NodeStatus[]>;
}

const PATIENCE_MS = 10_000;
const FIRST_PAGE = { pageSize: 0, pageToken: '' };

export function openFleet(access: OperatorAccess): FleetCalls {
  const client = openOperatorClient(access);
  const ask: FleetCalls['ask'] = async (method, request) => {
    for (const end = performance.now() + PATIENCE_MS; ; await sleep(50)) {
      const definition = FleetServiceService[method] as unknown as AnyMethod;
      const { answer, error } = await call(client, definition, request, presenting(access));
      if (answer) return answer;
      assert.ok(error);
      if (error.reason !== 'UNAVAILABLE' || performance.now() > end) throw error;
    }
  };
  return {
    ask,
    async executor(name) {
      const answer = await ask('listExecutors', { name: '', ...FIRST_PAGE });
      return (answer as ListExecutorsResponse).executors.find((one) => one.name === name);
    },
    async nodes(executor) {
      const answer = await ask('listNodes', { executor, name: '', ...FIRST_PAGE });
      return (answer as ListNodesResponse).nodes;
    },
    [Symbol.dispose]: () => client.close(),
  };
}

/** Looks until it is so, and tells what it found last when that takes too long. */
export async function eventually<Found>(
  look: () => Promise<Found>,
  isSo: (found: Found) => boolean,
): Promise<Found> {
  for (const end = performance.now() + PATIENCE_MS; ; await sleep(50)) {
    const found = await look();
    if (isSo(found)) return found;
    if (performance.now() > end) assert.fail(`it is still ${inspect(found)}`);
  }
}
