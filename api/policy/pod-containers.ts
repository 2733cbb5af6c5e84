import type {
  Container,
  EphemeralContainerCommon,
  PodSpec,
} from '../generated/proto/k8s/io/api/core/v1/core.ts';

/** A pod with what is said about it elsewhere. */
export interface JudgedPod {
  spec: PodSpec;
  namespace: string;
  annotations: ReadonlyMap<string, string>;
  /** Of the job, also where the spec leaves it to a default. */
  priorityClass: string;
  /** Field of the pod spec within its item. */
  at: string;
}

/** Takes one fault: its field, and what is wrong. */
export type Report = (field: string, message: string) => void;

/** A container of any kind, and its field. */
export interface PlacedContainer {
  container: Container | EphemeralContainerCommon;
  at: string;
}

/** Every container that the pod brings: each kind can do the same to a node. */
export function containersOf(spec: PodSpec, at: string): PlacedContainer[] {
  const placed: PlacedContainer[] = [];
  spec.containers.forEach((container, i) => placed.push({ container, at: `${at}.containers[${i}]` }));
  spec.initContainers.forEach((container, i) => placed.push({ container, at: `${at}.initContainers[${i}]` }));
  spec.ephemeralContainers.forEach(({ ephemeralContainerCommon: container }, i) => {
    if (container) placed.push({ container, at: `${at}.ephemeralContainers[${i}]` });
  });
  return placed;
}
