/**
 * The level `baseline`: nothing that gives a pod a hold on its node (Kubernetes:
 * "Pod Security Standards"). Three things are refused beyond it: the name of a
 * node, which keeps the pod from being scheduled, so that no taint keeps it away;
 * volumes of kind gitRepo, which the kubelet fetches as root; and fields that are
 * not known here, as nobody can say what they allow.
 */
import type {
  AppArmorProfile,
  LifecycleHandler,
  PodSpec,
  ProbeHandler,
  SeccompProfile,
  SELinuxOptions,
  VolumeSource,
  WindowsSecurityContextOptions,
} from '../generated/proto/k8s/io/api/core/v1/core.ts';
import { showValue } from '../json/faults.ts';
import type { JudgedPod, PlacedContainer, Report } from './pod-containers.ts';

/** What a runtime gives containers anyway, so asking for it adds nothing. */
const CAPABILITIES = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

/** Kernel settings that are kept apart for each pod. */
const SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_syncookies',
]);

const SELINUX_TYPES = new Set([
  '',
  'container_t',
  'container_init_t',
  'container_kvm_t',
  'container_engine_t',
]);

/** How a profile was chosen before there were fields for it. */
const APP_ARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';

export function checkBaseline(
  { spec, annotations, at }: JudgedPod,
  containers: readonly PlacedContainer[],
  report: Report,
): void {
  checkNode(spec, at, report);
  checkPodSecurity(spec, at, report);
  spec.volumes.forEach(({ volumeSource }, i) => {
    if (volumeSource) checkVolume(volumeSource, `${at}.volumes[${i}]`, report);
  });
  for (const placed of containers) checkContainer(placed, report);
  for (const [key, value] of annotations) {
    if (!key.startsWith(APP_ARMOR_ANNOTATION)) continue;
    if (value === 'runtime/default' || value.startsWith('localhost/')) continue;
    report(`annotations[${key}]`, `must be runtime/default or localhost/..., got ${showValue(value)}`);
  }
}

/** What belongs to the node and not to the pod. */
function checkNode(spec: PodSpec, at: string, report: Report): void {
  checkKnown(spec, at, report);
  const { nodeName = '' } = spec;
  if (nodeName !== '') report(`${at}.nodeName`, `must be left out, got ${showValue(nodeName)}`);
  if (spec.hostNetwork) report(`${at}.hostNetwork`, 'must not be true');
  if (spec.hostPID) report(`${at}.hostPID`, 'must not be true');
  if (spec.hostIPC) report(`${at}.hostIPC`, 'must not be true');
}

function checkPodSecurity({ securityContext }: PodSpec, podAt: string, report: Report): void {
  if (!securityContext) return;
  const at = `${podAt}.securityContext`;
  checkKnown(securityContext, at, report);
  checkConfinement(securityContext, at, report);
  securityContext.sysctls.forEach(({ name = '' }, i) => {
    if (SYSCTLS.has(name)) return;
    report(
      `${at}.sysctls[${i}].name`,
      `must be a kernel setting that each pod has for itself, got ${showValue(name)}`,
    );
  });
}

function checkVolume(source: VolumeSource, at: string, report: Report): void {
  checkKnown(source, at, report);
  if (source.hostPath) report(`${at}.hostPath`, 'must be left out');
  if (source.gitRepo) report(`${at}.gitRepo`, 'must be left out; clone in an init container instead');
}

function checkContainer({ container, at }: PlacedContainer, report: Report): void {
  checkKnown(container, at, report);
  container.ports.forEach(({ hostPort = 0 }, i) => {
    if (hostPort !== 0) report(`${at}.ports[${i}].hostPort`, `must be left out, got ${hostPort}`);
  });
  checkHosts(container.livenessProbe?.handler, `${at}.livenessProbe`, report);
  checkHosts(container.readinessProbe?.handler, `${at}.readinessProbe`, report);
  checkHosts(container.startupProbe?.handler, `${at}.startupProbe`, report);
  checkHosts(container.lifecycle?.postStart, `${at}.lifecycle.postStart`, report);
  checkHosts(container.lifecycle?.preStop, `${at}.lifecycle.preStop`, report);
  checkContainerSecurity(container, `${at}.securityContext`, report);
}

function checkContainerSecurity(
  { securityContext }: PlacedContainer['container'],
  at: string,
  report: Report,
): void {
  if (!securityContext) return;
  const { capabilities, privileged, procMount = '' } = securityContext;
  checkKnown(securityContext, at, report);
  checkConfinement(securityContext, at, report);
  if (privileged) report(`${at}.privileged`, 'must not be true');
  if (procMount !== '' && procMount !== 'Default') {
    report(`${at}.procMount`, `must be Default, got ${showValue(procMount)}`);
  }
  capabilities?.add.forEach((name, i) => {
    if (CAPABILITIES.has(name)) return;
    report(`${at}.capabilities.add[${i}]`, `must be one that containers have anyway, got ${showValue(name)}`);
  });
}

/** What pods and containers can both ask for. */
interface Confinement {
  seLinuxOptions: SELinuxOptions | undefined;
  seccompProfile: SeccompProfile | undefined;
  appArmorProfile: AppArmorProfile | undefined;
  windowsOptions: WindowsSecurityContextOptions | undefined;
}

function checkConfinement(context: Confinement, at: string, report: Report): void {
  const { seLinuxOptions, seccompProfile, appArmorProfile, windowsOptions } = context;
  const { type = '', user = '', role = '' } = seLinuxOptions ?? {};
  if (!SELINUX_TYPES.has(type)) {
    report(`${at}.seLinuxOptions.type`, `must be a type made for containers, got ${showValue(type)}`);
  }
  if (user !== '') report(`${at}.seLinuxOptions.user`, `must be left out, got ${showValue(user)}`);
  if (role !== '') report(`${at}.seLinuxOptions.role`, `must be left out, got ${showValue(role)}`);
  if (seccompProfile) checkProfile(seccompProfile.type, `${at}.seccompProfile.type`, report);
  if (appArmorProfile) checkProfile(appArmorProfile.type, `${at}.appArmorProfile.type`, report);
  if (windowsOptions?.hostProcess) report(`${at}.windowsOptions.hostProcess`, 'must not be true');
}

function checkProfile(type: string | undefined, field: string, report: Report): void {
  if (type === undefined || type === '' || type === 'RuntimeDefault' || type === 'Localhost') return;
  report(field, `must be RuntimeDefault or Localhost, got ${showValue(type)}`);
}

/** Probes and hooks are run by the node, from inside its network: with a host of their own they reach what the pod cannot. */
function checkHosts(handler: ProbeHandler | LifecycleHandler | undefined, at: string, report: Report): void {
  const { host: page = '' } = handler?.httpGet ?? {};
  const { host: socket = '' } = handler?.tcpSocket ?? {};
  if (page !== '') report(`${at}.httpGet.host`, `must be left out, got ${showValue(page)}`);
  if (socket !== '') report(`${at}.tcpSocket.host`, `must be left out, got ${showValue(socket)}`);
}

function checkKnown(
  { _unknownFields: unknown }: { _unknownFields?: object | undefined },
  at: string,
  report: Report,
): void {
  if (unknown === undefined) return;
  const numbers = Object.keys(unknown).map((tag) => Number(tag) >>> 3);
  if (numbers.length > 0) report(at, `must have known fields only, got field ${numbers.join(', ')}`);
}
