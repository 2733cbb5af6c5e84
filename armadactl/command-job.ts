import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { Container, EnvVar, PodSpec, ResourceRequirements } from '@armada-ts/api/k8s/io/api/core/v1/core';

export interface CommandJob {
  /** The program and its arguments. */
  words: readonly string[];
  /** Of the container. */
  name: string;
  /** Kubernetes quantities; the server judges them. */
  cpu: string;
  memory: string;
  env: ReadonlyMap<string, string>;
  priority: number;
}

/** Runs on whatever the executor offers: the `process` runtime ignores the image. */
const NO_IMAGE = 'none';

/** The job that runs one command. What it asks for is also its limit, as Armada requires. */
export function commandJob({ words, name, cpu, memory, env, priority }: CommandJob): JobSubmitRequestItem {
  const amounts = new Map([
    ['cpu', { string: cpu }],
    ['memory', { string: memory }],
  ]);
  const container: Container = {
    ...Container.create(),
    name,
    image: NO_IMAGE,
    command: words.slice(0, 1),
    args: words.slice(1),
    env: [...env].map(([key, value]) => ({ ...EnvVar.create(), name: key, value })),
    resources: { ...ResourceRequirements.create(), limits: amounts, requests: amounts },
  };
  return {
    ...JobSubmitRequestItem.create(),
    namespace: 'default',
    priority,
    podSpec: { ...PodSpec.create(), containers: [container], restartPolicy: 'Never' },
  };
}
