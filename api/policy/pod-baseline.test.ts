// Each forbidden field in each place where the schema has it, so that a place
// which the schema gains later is tried too.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeMessage } from '../json/descriptors.ts';
import { PodSpec } from '../generated/proto/k8s/io/api/core/v1/core.ts';
import { checkBaseline } from './pod-baseline.ts';
import { containersOf } from './pod-containers.ts';
import { CORE, faultsOf, FORBIDDEN, placesOf } from './testing/pods.ts';

test('checkBaseline() refuses each forbidden value in each container kind and volume, and names its field', () => {
  let places = 0;
  for (const [name, values] of Object.entries(FORBIDDEN)) {
    const [message = '', field = ''] = name.split('.');
    const found = placesOf(message, field);
    assert.ok(found.length > 0, `the schema has no ${name}`);
    for (const place of found) {
      places++;
      for (const value of values) {
        const what = `${place.field} = ${JSON.stringify(value)}`;
        const faults = faultsOf(place.specWith(value), 'baseline');
        assert.equal(faults.length, 1, `${what}: ${faults.join('; ')}`);
        assert.ok(faults[0]?.startsWith(`${place.field} must `), `${what}: ${faults[0]}`);
        assert.ok(faults[0]?.endsWith(' (pod policy: baseline)'), faults[0]);
        const restricted = faultsOf(place.specWith(value), 'restricted');
        assert.ok(
          restricted.some((one) => one.startsWith(`${place.field} must `)),
          `${what}: ${restricted.join('; ')}`,
        );
        assert.deepEqual(faultsOf(place.specWith(value), 'off'), [], what);
      }
    }
  }
  // Three kinds of container, each with five handlers of two kinds, and the rest.
  assert.ok(places > 60, `only ${places} places`);
});

test('checkBaseline() leaves alone what containers have anyway', () => {
  const harmless = {
    'Capabilities.add': [['NET_BIND_SERVICE', 'CHOWN']],
    'Capabilities.drop': [['ALL']],
    'SecurityContext.privileged': [false],
    'SecurityContext.procMount': ['Default', ''],
    'SeccompProfile.type': ['RuntimeDefault', 'Localhost', ''],
    'AppArmorProfile.type': ['RuntimeDefault', 'Localhost'],
    'SELinuxOptions.type': ['container_t', 'container_kvm_t', ''],
    'SELinuxOptions.level': ['s0:c1,c2'],
    'Sysctl.name': ['net.ipv4.ip_local_port_range'],
    'ContainerPort.hostPort': [0],
    'HTTPGetAction.path': ['/healthz'],
    'PodSpec.hostNetwork': [false],
    'PodSpec.hostUsers': [true, false],
  };
  for (const [name, values] of Object.entries(harmless)) {
    const [message = '', field = ''] = name.split('.');
    const places = placesOf(message, field);
    assert.ok(places.length > 0, name);
    for (const place of places)
      for (const value of values)
        assert.deepEqual(faultsOf(place.specWith(value), 'baseline'), [], place.field);
  }
});

/** All kinds of volumes. */
const VOLUMES = describeMessage(`${CORE}VolumeSource`).fields.map(({ name }) => name);

test('checkBaseline() lets through every kind of volume but two', () => {
  assert.ok(VOLUMES.length >= 30, `only ${VOLUMES.length} kinds`);
  const refused = VOLUMES.filter(
    (kind) => faultsOf({ volumes: [{ name: 'v', volumeSource: { [kind]: {} } }] }, 'baseline').length > 0,
  );
  assert.deepEqual(refused, ['hostPath', 'gitRepo']);
  assert.deepEqual(faultsOf({ volumes: [{ name: 'v' }] }, 'baseline'), []);
});

test('checkBaseline() knows only these fields where rights are given: a new one must be judged first', () => {
  const judged: Record<string, string> = {
    SecurityContext:
      'capabilities privileged seLinuxOptions runAsUser runAsNonRoot readOnlyRootFilesystem allowPrivilegeEscalation runAsGroup procMount windowsOptions seccompProfile appArmorProfile',
    PodSecurityContext:
      'seLinuxOptions runAsUser runAsNonRoot supplementalGroups fsGroup runAsGroup sysctls windowsOptions fsGroupChangePolicy seccompProfile appArmorProfile supplementalGroupsPolicy seLinuxChangePolicy',
    Capabilities: 'add drop',
    WindowsSecurityContextOptions: 'gmsaCredentialSpecName gmsaCredentialSpec runAsUserName hostProcess',
    ProbeHandler: 'exec httpGet tcpSocket grpc',
    LifecycleHandler: 'exec httpGet tcpSocket sleep',
    GRPCAction: 'port service',
  };
  for (const [message, fields] of Object.entries(judged)) {
    const names = describeMessage(CORE + message).fields.map(({ name }) => name);
    assert.equal(names.join(' '), fields, message);
  }
});

test('checkBaseline() refuses fields that nobody here knows', () => {
  const unknown = { _unknownFields: { [(99 << 3) | 0]: [Uint8Array.of(1)] } };
  const cases: [PodSpec, string][] = [];
  const add = (spec: object, at: string, part: (made: PodSpec) => object | undefined): void => {
    const made = PodSpec.fromPartial(spec);
    Object.assign(part(made) ?? assert.fail(at), unknown);
    cases.push([made, at]);
  };
  add({}, 'p', (spec) => spec);
  add({ securityContext: {} }, 'p.securityContext', (spec) => spec.securityContext);
  add({ volumes: [{ volumeSource: {} }] }, 'p.volumes[0]', (spec) => spec.volumes[0]?.volumeSource);
  add(
    { containers: [{ securityContext: {} }] },
    'p.containers[0].securityContext',
    (spec) => spec.containers[0]?.securityContext,
  );
  add({ initContainers: [{}] }, 'p.initContainers[0]', (spec) => spec.initContainers[0]);
  for (const [spec, at] of cases) {
    const faults: string[] = [];
    const pod = { spec, namespace: '', annotations: new Map<string, string>(), priorityClass: '', at: 'p' };
    checkBaseline(pod, containersOf(spec, 'p'), (field, message) => faults.push(`${field} ${message}`));
    assert.deepEqual(faults, [`${at} must have known fields only, got field 99`]);
  }
});

test('checkBaseline() refuses an unconfined AppArmor profile by the old annotation', () => {
  const key = 'container.apparmor.security.beta.kubernetes.io/main';
  assert.deepEqual(faultsOf({}, 'baseline', { [key]: 'unconfined' }), [
    `annotations[${key}] must be runtime/default or localhost/..., got "unconfined" (pod policy: baseline)`,
  ]);
  for (const value of ['runtime/default', 'localhost/mine'])
    assert.deepEqual(faultsOf({}, 'baseline', { [key]: value }), []);
});
