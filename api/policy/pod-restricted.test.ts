import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeMessage } from '../json/descriptors.ts';
import { PodSpec } from '../generated/proto/k8s/io/api/core/v1/core.ts';
import { containersOf } from './pod-containers.ts';
import { checkRestricted } from './pod-restricted.ts';
import { CORE } from './testing/pods.ts';

const KINDS = ['containers', 'initContainers', 'ephemeralContainers'] as const;

/** What restricted asks for beyond baseline. */
function faultsOf(parts: object): string[] {
  const spec = PodSpec.fromPartial(parts);
  const faults: string[] = [];
  const placed = containersOf(spec, 'p');
  checkRestricted({ spec, at: 'p' }, placed, (field, message) =>
    faults.push(`${field.replace(/^p\./, '')} ${message}`),
  );
  return faults;
}

test('checkRestricted() lets through nine kinds of volume', () => {
  const kinds = describeMessage(`${CORE}VolumeSource`).fields.map(({ name }) => name);
  const passing = kinds.filter(
    (kind) => faultsOf({ volumes: [{ name: 'v', volumeSource: { [kind]: {} } }] }).length === 0,
  );
  const expected =
    'configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret';
  assert.equal(passing.sort().join(' '), expected);
  assert.match(faultsOf({ volumes: [{ name: 'v' }] })[0] ?? '', /^volumes\[0\] must be of one of/);
});

const HARDENED = {
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

/** A pod whose only container, of this kind, has this security context. */
function podOf(kind: (typeof KINDS)[number], securityContext: object, more: object = {}): object {
  const container = { name: 'main', securityContext };
  const isEphemeral = kind === 'ephemeralContainers';
  return { [kind]: [isEphemeral ? { ephemeralContainerCommon: container } : container], ...more };
}

test('checkRestricted() wants every container hardened, by itself or by the pod', () => {
  const soft: [object, string][] = [
    [{ runAsNonRoot: undefined }, 'runAsNonRoot'],
    [{ runAsNonRoot: false }, 'runAsNonRoot'],
    [{ runAsUser: 0n }, 'runAsUser'],
    [{ allowPrivilegeEscalation: undefined }, 'allowPrivilegeEscalation'],
    [{ allowPrivilegeEscalation: true }, 'allowPrivilegeEscalation'],
    [{ seccompProfile: undefined }, 'seccompProfile.type'],
    [{ seccompProfile: { type: '' } }, 'seccompProfile.type'],
    [{ capabilities: undefined }, 'capabilities.drop'],
    [{ capabilities: { drop: ['NET_RAW'] } }, 'capabilities.drop'],
    [{ capabilities: { drop: ['ALL'], add: ['CHOWN'] } }, 'capabilities.add[0]'],
  ];
  for (const kind of KINDS) {
    assert.deepEqual(faultsOf(podOf(kind, HARDENED)), []);
    for (const [change, field] of soft) {
      const faults = faultsOf(podOf(kind, { ...HARDENED, ...change }));
      assert.equal(faults.length, 1, faults.join('; '));
      assert.ok(faults[0]?.startsWith(`${kind}[0].securityContext.${field} must `), faults[0]);
    }
    const byPod = { runAsNonRoot: true, seccompProfile: { type: 'Localhost' } };
    const own = { ...HARDENED, runAsNonRoot: undefined, seccompProfile: undefined };
    assert.deepEqual(faultsOf(podOf(kind, own, { securityContext: byPod })), []);
    const windows = { os: { name: 'windows' } };
    assert.deepEqual(faultsOf(podOf(kind, { runAsNonRoot: true }, windows)), []);
  }
  const root = podOf('containers', HARDENED, { securityContext: { runAsUser: 0n } });
  assert.match(faultsOf(root).join(), /^securityContext\.runAsUser must not be 0/);
});
