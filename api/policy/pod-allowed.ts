/** Which names pods may use: of namespaces, service accounts, image registries and priority classes. */
import { showValue } from '../json/faults.ts';
import { fitsRegistry } from './image-name.ts';
import { fitsAny } from './name-pattern.ts';
import type { JudgedPod, PlacedContainer, Report } from './pod-containers.ts';

export const ALLOWED_KINDS = ['namespaces', 'serviceAccounts', 'imageRegistries', 'priorityClasses'] as const;

/** Patterns by kind; a kind that is left out is not limited. */
export type AllowedNames = {
  readonly [kind in (typeof ALLOWED_KINDS)[number]]?: readonly string[] | undefined;
};

/** What Kubernetes takes for a pod that names no account. */
const DEFAULT_SERVICE_ACCOUNT = 'default';

export function checkAllowed(
  pod: JudgedPod,
  containers: readonly PlacedContainer[],
  { namespaces, serviceAccounts, imageRegistries, priorityClasses }: AllowedNames,
  report: Report,
): void {
  const { at, spec } = pod;
  const check = (field: string, name: string, patterns: readonly string[] | undefined): void => {
    if (patterns && !fitsAny(patterns, name)) report(field, notOneOf(patterns, name));
  };
  check('namespace', pod.namespace, namespaces);
  check(`${at}.priorityClassName`, pod.priorityClass, priorityClasses);
  // The older field counts only where the newer one is empty, but who asks for both gets no guess.
  const { serviceAccountName = '', serviceAccount = '' } = spec;
  check(
    `${at}.serviceAccountName`,
    serviceAccountName || serviceAccount || DEFAULT_SERVICE_ACCOUNT,
    serviceAccounts,
  );
  if (serviceAccount !== '') check(`${at}.serviceAccount`, serviceAccount, serviceAccounts);
  if (imageRegistries) checkImages(pod, containers, imageRegistries, report);
}

/** Volumes can be images too. */
function checkImages(
  { spec, at: podAt }: JudgedPod,
  containers: readonly PlacedContainer[],
  registries: readonly string[],
  report: Report,
): void {
  const check = (field: string, image: string): void => {
    if (!fitsRegistry(registries, image)) report(field, notOneOf(registries, image, 'from one'));
  };
  for (const { container, at } of containers) check(`${at}.image`, container.image ?? '');
  spec.volumes.forEach(({ volumeSource }, i) => {
    if (volumeSource?.image) {
      check(`${podAt}.volumes[${i}].image.reference`, volumeSource.image.reference ?? '');
    }
  });
}

function notOneOf(patterns: readonly string[], name: string, what = 'one'): string {
  return `must be ${what} of ${patterns.join(', ')}, got ${showValue(name)}`;
}
