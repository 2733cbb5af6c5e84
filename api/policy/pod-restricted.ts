/**
 * The level `restricted`, beyond baseline: containers that cannot become root
 * and have no powers but those they name (Kubernetes: "Pod Security Standards").
 */
import type {
  PodSpec,
  SeccompProfile,
  SecurityContext,
  VolumeSource,
} from '../generated/proto/k8s/io/api/core/v1/core.ts';
import { showValue } from '../json/faults.ts';
import type { PlacedContainer, Report } from './pod-containers.ts';

/** Volumes that come from the cluster's API or a registry, or that an administrator has made available. */
const VOLUMES: readonly (keyof VolumeSource)[] = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

export function checkRestricted(
  { spec, at }: { spec: PodSpec; at: string },
  containers: readonly PlacedContainer[],
  report: Report,
): void {
  spec.volumes.forEach(({ volumeSource }, i) => {
    if (volumeSource && VOLUMES.some((kind) => volumeSource[kind] !== undefined)) return;
    report(`${at}.volumes[${i}]`, `must be of one of the kinds ${VOLUMES.join(', ')}`);
  });
  if (spec.securityContext?.runAsUser === 0n) report(`${at}.securityContext.runAsUser`, 'must not be 0');
  for (const placed of containers) checkContainer(placed, spec, report);
}

function checkContainer(
  { container, at: containerAt }: PlacedContainer,
  spec: PodSpec,
  report: Report,
): void {
  const at = `${containerAt}.securityContext`;
  const own = container.securityContext;
  if (own?.runAsUser === 0n) report(`${at}.runAsUser`, 'must not be 0');
  const isNonRoot = own?.runAsNonRoot ?? spec.securityContext?.runAsNonRoot ?? false;
  if (!isNonRoot) report(`${at}.runAsNonRoot`, 'must be true here or for the pod');
  // These are for Linux; a Windows node refuses pods that have them.
  if (spec.os?.name === 'windows') return;
  if (own?.allowPrivilegeEscalation !== false) report(`${at}.allowPrivilegeEscalation`, 'must be false');
  if (!hasProfile(own?.seccompProfile ?? spec.securityContext?.seccompProfile)) {
    report(`${at}.seccompProfile.type`, 'must be RuntimeDefault or Localhost, here or for the pod');
  }
  checkCapabilities(own, at, report);
}

function hasProfile(profile: SeccompProfile | undefined): boolean {
  return profile?.type === 'RuntimeDefault' || profile?.type === 'Localhost';
}

function checkCapabilities(own: SecurityContext | undefined, at: string, report: Report): void {
  const { add = [], drop = [] } = own?.capabilities ?? {};
  if (!drop.includes('ALL')) report(`${at}.capabilities.drop`, 'must have ALL');
  add.forEach((name, i) => {
    if (name === 'NET_BIND_SERVICE') return;
    report(`${at}.capabilities.add[${i}]`, `must be NET_BIND_SERVICE, got ${showValue(name)}`);
  });
}
