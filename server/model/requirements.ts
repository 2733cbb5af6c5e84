/**
 * What a pod spec asks of the place where it runs. This is the only reader of
 * pod specs for scheduling: what is charged to a node, matched against it and
 * compared between jobs comes from here.
 */
import type { Container, NodeSelector, PodSpec, Toleration } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { type Resources, addResources, raiseResources, resourcesOf } from './resources.ts';

/**
 * Resources a node must have free for the pod. Main containers and sidecars
 * (init containers that keep running) run together; the others run one at a
 * time before them, each beside the sidecars started so far; so the need is the
 * larger of the sum and the peaks. Amounts set for the whole pod can only raise
 * it. Kubernetes: "Resource sharing within containers", pod overhead.
 */
export function totalRequests(spec: PodSpec): Resources {
  const main = spec.containers[0];
  if (spec.containers.length === 1 && main !== undefined && isPlain(spec)) return requestsOf(main);

  const running: Resources = new Map();
  const peak: Resources = new Map();
  for (const container of spec.initContainers) {
    const requests = requestsOf(container);
    if (isSidecar(container)) {
      addResources(running, requests);
      raiseResources(peak, running);
    } else {
      addResources(requests, running);
      raiseResources(peak, requests);
    }
  }
  for (const container of spec.containers) addResources(running, requestsOf(container));
  raiseResources(running, peak);
  if (spec.resources !== undefined) raiseResources(running, resourcesOf(spec.resources.requests, 'up'));
  addResources(running, resourcesOf(spec.overhead, 'up'));
  return running;
}

/** Whether an init container goes on running beside the main ones. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** The part of node affinity that a node must meet; the preferred part is refused at submit. */
export function requiredAffinity(spec: PodSpec): NodeSelector | undefined {
  return spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
}

/** A port that the pod offers beside its node, hence one a service may point to. */
export interface ContainerPort {
  container: string;
  port: number;
  protocol: string;
}

/** Ports of everything that runs for the pod's whole life, without those taken on the node itself. */
export function servicePorts(spec: PodSpec): ContainerPort[] {
  const lasting = [...spec.containers, ...spec.initContainers.filter(isSidecar)];
  return lasting.flatMap((container) =>
    container.ports
      .filter((port) => (port.hostPort ?? 0) === 0)
      .map((port) => ({
        container: container.name ?? '',
        port: port.containerPort ?? 0,
        protocol: port.protocol ?? '',
      })),
  );
}

/** Whether two tolerations let a pod onto the same nodes; how long it may then stay is not a matter of scheduling. */
export function sameToleration(a: Toleration, b: Toleration): boolean {
  return a.key === b.key && a.operator === b.operator && a.value === b.value && a.effect === b.effect;
}

function isPlain(spec: PodSpec): boolean {
  return spec.initContainers.length === 0 && spec.resources === undefined && spec.overhead.size === 0;
}

/** A container that sets only limits is charged for those: Kubernetes makes them its requests. */
function requestsOf(container: Container): Resources {
  const list = container.resources;
  if (list === undefined) return new Map();
  const requests = resourcesOf(list.requests, 'up');
  for (const [resource, amount] of resourcesOf(list.limits, 'up')) {
    if (!requests.has(resource)) requests.set(resource, amount);
  }
  return requests;
}
