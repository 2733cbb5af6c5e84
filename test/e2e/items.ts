// Jobs for tests: short to write, whole enough to be taken.
import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';

export interface ItemOptions {
  clientId?: string;
  priority?: number;
  cpu?: string;
  priorityClass?: string;
  nodeSelector?: Readonly<Record<string, string>>;
  command?: string[];
  /** Annotations of the item. */
  annotations?: Readonly<Record<string, string>>;
}

/** A job that sleeps for a minute, unless it has another command. */
export function jobItem(options: ItemOptions): JobSubmitRequestItem {
  const { clientId = '', priority = 0, cpu = '1', nodeSelector = {}, command = ['sleep', '60'] } = options;
  const requests = new Map([
    ['cpu', { string: cpu }],
    ['memory', { string: '16Mi' }],
  ]);
  const container = { name: 'main', image: 'none', command, resources: { requests, limits: requests } };
  const podSpec = PodSpec.fromPartial({
    terminationGracePeriodSeconds: 1n,
    priorityClassName: options.priorityClass,
    nodeSelector: new Map(Object.entries(nodeSelector)),
    containers: [container],
  });
  return JobSubmitRequestItem.fromPartial({
    namespace: 'default',
    clientId,
    priority,
    annotations: new Map(Object.entries(options.annotations ?? {})),
    podSpecs: [podSpec],
  });
}
