import type { Container, PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { isPrintable, shown } from '../model/names.ts';
import { type Report, checkAffinity } from './validate-affinity.ts';
import { type PodCheck, checkContainerResources, checkPodResources } from './validate-resources.ts';

/**
 * Whether a pod spec, which takes so many bytes encoded, is one this system runs.
 * @param at field of the pod spec within its item
 */
export function checkPodSpec(
  { spec, bytes }: { spec: PodSpec; bytes: number },
  at: string,
  check: PodCheck,
): void {
  const { rules, report } = check;
  if (bytes > rules.maxPodSpecBytes) {
    report(at, `must be at most ${rules.maxPodSpecBytes} bytes, got ${bytes}`);
  }
  if (spec.containers.length === 0) report(`${at}.containers`, 'must have at least one container');
  spec.containers.forEach((container, i) => {
    checkContainer(container, { at: `${at}.containers[${i}]`, isInit: false }, check);
  });
  spec.initContainers.forEach((container, i) => {
    checkContainer(container, { at: `${at}.initContainers[${i}]`, isInit: true }, check);
  });
  if (spec.containers.length + spec.initContainers.length > 1) checkNamesDiffer(spec, at, report);
  checkPorts(spec, at, report);
  checkPodResources(spec, at, report);
  checkAffinity(spec, at, report);
  checkTimes(spec, at, check);

  const priorityClass = spec.priorityClassName ?? '';
  if (priorityClass !== '' && !rules.priorityClasses.has(priorityClass)) {
    const known = [...rules.priorityClasses.keys()].join(', ');
    report(`${at}.priorityClassName`, `must be one of ${known}, got ${shown(priorityClass)}`);
  }
  checkTolerations(spec, at, check);
}

function checkTolerations(
  { tolerations }: PodSpec,
  at: string,
  { rules: { restrictedTolerations: restricted }, report }: PodCheck,
): void {
  if (restricted.size === 0) return;
  tolerations.forEach(({ key = '' }, i) => {
    const field = `${at}.tolerations[${i}].key`;
    if (restricted.has(key)) report(field, `must not be ${key}, which only the operator may tolerate`);
    if (key !== '') return;
    const others = [...restricted].join(', ');
    report(
      field,
      `must be there: without it every taint is tolerated, also ${others}, which only the operator may`,
    );
  });
}

function checkContainer(container: Container, where: { at: string; isInit: boolean }, check: PodCheck): void {
  const name = container.name ?? '';
  if (name.includes('/') || name.length > 253 || !isPrintable(name)) {
    check.report(
      `${where.at}.name`,
      `must be at most 253 printable characters without '/', got ${shown(name)}`,
    );
  }
  checkContainerResources(container, where, check);
}

/** A container is known by its name, to Kubernetes and to whoever reads its log. */
function checkNamesDiffer(spec: PodSpec, at: string, report: Report): void {
  const seen = new Set<string>();
  for (const [list, containers] of containerLists(spec)) {
    containers.forEach(({ name = '' }, i) => {
      if (name !== '' && seen.has(name))
        report(`${at}.${list}[${i}].name`, `must be used once, got ${shown(name)} again`);
      seen.add(name);
    });
  }
}

function checkPorts(spec: PodSpec, at: string, report: Report): void {
  let owners: Map<number, string> | undefined;
  for (const [list, containers] of containerLists(spec)) {
    for (const [i, container] of containers.entries()) {
      for (const [j, { containerPort: port = 0 }] of container.ports.entries()) {
        const field = `${at}.${list}[${i}].ports[${j}].containerPort`;
        if (port < 1 || port > 65_535) report(field, `must be from 1 to 65535, got ${port}`);
        owners ??= new Map();
        const owner = owners.get(port);
        const name = container.name ?? '';
        if (owner === undefined) owners.set(port, name);
        else
          report(field, `must be exposed once, got ${port} in containers ${shown(owner)} and ${shown(name)}`);
      }
    }
  }
}

function checkTimes(spec: PodSpec, at: string, { rules, report }: PodCheck): void {
  const { minTerminationGracePeriodSeconds: least, maxTerminationGracePeriodSeconds: most } = rules;
  const grace = spec.terminationGracePeriodSeconds ?? 0n;
  if (grace !== 0n && (grace < BigInt(least) || grace > BigInt(most))) {
    report(`${at}.terminationGracePeriodSeconds`, `must be from ${least} to ${most} seconds, got ${grace}`);
  }
  const deadline = spec.activeDeadlineSeconds ?? 0n;
  if (deadline < 0n) report(`${at}.activeDeadlineSeconds`, `must not be negative, got ${deadline}`);
}

function containerLists(spec: PodSpec): [string, readonly Container[]][] {
  return [
    ['containers', spec.containers],
    ['initContainers', spec.initContainers],
  ];
}
