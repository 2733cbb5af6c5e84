/**
 * What releases of 2021 said by REST in ways of their own, and their programs
 * still do: written out method by method, as no option of the protos tells it.
 */
import { isObject, type JsonObject } from './parameters.ts';

/** Rewrites a request before it is read, in place. */
export const REQUEST_REWRITES: Readonly<Record<string, (request: JsonObject) => void>> = {
  '/api.Submit/SubmitJobs': (request) => {
    for (const item of objectsIn(request['jobRequestItems'])) nodePortsToServices(item);
  },
};

/** Methods whose answer also has what another method tells of the same request, to those who may ask that. */
export const ANSWER_ADDITIONS: Readonly<Record<string, string>> = {
  '/api.Submit/GetQueue': '/api.Submit/GetQueueInfo',
};

/** An ingress of a type that is now a kind of service. */
function nodePortsToServices(item: JsonObject): void {
  const { ingress, services } = item;
  const nodePorts = objectsIn(ingress).filter(({ type }) => type === 'NodePort');
  if (nodePorts.length === 0 || !Array.isArray(ingress)) return;
  const added = nodePorts.map(({ ports }) => ({ type: 'NodePort', ports }));
  item['services'] = [...(Array.isArray(services) ? services : []), ...added];
  item['ingress'] = ingress.filter((each) => !nodePorts.includes(each));
}

function objectsIn(list: unknown): JsonObject[] {
  return Array.isArray(list) ? list.filter(isObject) : [];
}
