import { toJson } from '@armada-ts/api/json';
import type { Queue } from '@armada-ts/api/api/queue';
import { stringify } from 'yaml';

/** In the form that `armadactl create -f` reads back. */
export function renderQueue(queue: Queue): string {
  const definition = toJson('api.Queue', queue);
  return stringify({ apiVersion: 'armadaproject.io/v1beta1', kind: 'Queue', ...asObject(definition) });
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
