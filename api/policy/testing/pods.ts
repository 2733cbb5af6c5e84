/** Pods that ask for one thing, and what is said of them. */
import { describeMessage } from '../../json/descriptors.ts';
import { PodSpec } from '../../generated/proto/k8s/io/api/core/v1/core.ts';
import type { AllowedNames } from '../pod-allowed.ts';
import type { JudgedPod } from '../pod-containers.ts';
import { checkPodPolicy, type PodPolicyLevel } from '../pod-policy.ts';

/** Where the messages of pods are. */
export const CORE = 'k8s.io.api.core.v1.';

/** A place in the schema of pod specs. */
export interface Place {
  /** Field of the pod spec, as faults name it. */
  field: string;
  /** The pod spec that has this value there and nothing else. */
  specWith: (value: unknown) => object;
}

/** Every place of the pod spec at which a message has the field. */
export function placesOf(message: string, field: string): Place[] {
  const found: Place[] = [];
  const walk = (
    type: string,
    at: string,
    wrap: (inner: object) => object,
    above: readonly string[],
  ): void => {
    for (const one of describeMessage(type).fields) {
      if (type === CORE + message && one.name === field) {
        const list = one.label === 'list' ? '[0]' : '';
        found.push({ field: `${at}${field}${list}`, specWith: (value) => wrap({ [field]: value }) });
      }
      if (one.type !== 'message' || one.label === 'map' || above.includes(one.typeName)) continue;
      const part = one.label === 'list' ? `${one.jsonName}[0]` : one.jsonName;
      const inner = one.inline ? at : `${at}${part}.`;
      const within = (value: object): object => wrap({ [one.name]: one.label === 'list' ? [value] : value });
      walk(one.typeName, inner, within, [...above, one.typeName]);
    }
  };
  walk(`${CORE}PodSpec`, '', (spec) => spec, [`${CORE}PodSpec`]);
  return found;
}

/** Values that give a hold on the node, by the message and field that carry them. */
export const FORBIDDEN: Readonly<Record<string, readonly unknown[]>> = {
  'PodSpec.nodeName': ['control-plane-1'],
  'PodSpec.hostNetwork': [true],
  'PodSpec.hostPID': [true],
  'PodSpec.hostIPC': [true],
  'SecurityContext.privileged': [true],
  'SecurityContext.procMount': ['Unmasked', 'unmasked', ' Default'],
  'Capabilities.add': [['SYS_ADMIN'], ['NET_ADMIN'], ['ALL'], ['CAP_CHOWN'], ['chown'], ['']],
  'SELinuxOptions.type': ['spc_t', 'unconfined_t', 'container_t '],
  'SELinuxOptions.user': ['system_u'],
  'SELinuxOptions.role': ['system_r'],
  'SeccompProfile.type': ['Unconfined', 'runtimeDefault'],
  'AppArmorProfile.type': ['Unconfined'],
  'WindowsSecurityContextOptions.hostProcess': [true],
  'Sysctl.name': ['kernel.msgmax', 'net.core.somaxconn', 'net.ipv4.ip_forward', ''],
  'VolumeSource.hostPath': [{ path: '/' }, { path: '' }, { path: '/var/run/docker.sock', type: 'Socket' }],
  'VolumeSource.gitRepo': [{ repository: 'https://example.com/a.git' }],
  'ContainerPort.hostPort': [80, 65_535, -1],
  'HTTPGetAction.host': ['169.254.169.254', 'localhost'],
  'TCPSocketAction.host': ['10.0.0.1'],
};

/** What the policy says of a pod spec, as `field message`. */
export function faultsOf(
  spec: object,
  level: PodPolicyLevel,
  annotations: Record<string, string> = {},
): string[] {
  return faultsOfPod(
    { spec: PodSpec.fromPartial(spec), annotations: new Map(Object.entries(annotations)) },
    level,
  );
}

/** The same of a pod with what is said about it elsewhere. */
export function faultsOfPod(
  pod: Partial<JudgedPod>,
  level: PodPolicyLevel,
  allowed: AllowedNames = {},
): string[] {
  const faults: string[] = [];
  const whole: JudgedPod = {
    spec: PodSpec.create(),
    namespace: 'default',
    annotations: new Map(),
    priorityClass: 'armada-default',
    at: 'p',
    ...pod,
  };
  checkPodPolicy(whole, { level, allowed }, (field, message) =>
    faults.push(`${field.replace(/^p\./, '')} ${message}`),
  );
  return faults;
}
