import { fromJson } from '@armada-ts/api/json';
import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { Container, EnvVar, PodSpec, ResourceRequirements } from '@armada-ts/api/k8s/io/api/core/v1/core';

/** A job that runs one command in one container. */
export interface CommandJob {
  /** The program and its arguments. */
  command: readonly string[];
  /** Ignored where jobs run as processes. */
  image?: string;
  /** Cores, as a Kubernetes quantity. Default 1. What is asked for is also the limit. */
  cpu?: string;
  /** A Kubernetes quantity such as `512Mi`. Default 1Gi. */
  memory?: string;
  env?: Readonly<Record<string, string>>;
  /** Place within the queue: lower goes first. Default 0. */
  priority?: number;
  /** Name of a priority class of the server. */
  priorityClass?: string;
  /** Default `default`. */
  namespace?: string;
  labels?: Readonly<Record<string, string>>;
  annotations?: Readonly<Record<string, string>>;
}

const NO_IMAGE = 'none';

/** The item to submit for a command. */
export function commandJob(job: CommandJob): JobSubmitRequestItem {
  const amounts = new Map([
    ['cpu', { string: job.cpu ?? '1' }],
    ['memory', { string: job.memory ?? '1Gi' }],
  ]);
  const container: Container = {
    ...Container.create(),
    name: 'main',
    image: job.image ?? NO_IMAGE,
    command: job.command.slice(0, 1),
    args: job.command.slice(1),
    env: Object.entries(job.env ?? {}).map(([name, value]) => ({ ...EnvVar.create(), name, value })),
    resources: { ...ResourceRequirements.create(), limits: amounts, requests: amounts },
  };
  const podSpec: PodSpec = { ...PodSpec.create(), containers: [container], restartPolicy: 'Never' };
  if (job.priorityClass !== undefined) podSpec.priorityClassName = job.priorityClass;
  return {
    ...JobSubmitRequestItem.create(),
    namespace: job.namespace ?? 'default',
    priority: job.priority ?? 0,
    labels: new Map(Object.entries(job.labels ?? {})),
    annotations: new Map(Object.entries(job.annotations ?? {})),
    podSpecs: [podSpec],
  };
}

/**
 * The item to submit for a job as job set files have it: `priority`, `podSpec`
 * in Kubernetes' own JSON, and so on. Throws JsonError, which names each key
 * that is not known and each value that does not fit.
 */
export function jobFromJson(job: unknown): JobSubmitRequestItem {
  const item = fromJson('api.JobSubmitRequestItem', job, { unknown: 'error' });
  return item.namespace === '' ? { ...item, namespace: 'default' } : item;
}
