import { NodeSelector, Taint, Toleration } from '@armada-ts/api/k8s/io/api/core/v1/core';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOSTNAME_LABEL, hostsNamed, matchesAffinity, untolerated } from './match.ts';

const TOLERATIONS: [taint: Partial<Taint>, toleration: Partial<Toleration>, isTolerated: boolean][] = [
  [{ key: 'a', value: 'x', effect: 'NoSchedule' }, { key: 'a', operator: 'Equal', value: 'x' }, true],
  [{ key: 'a', value: 'x', effect: 'NoSchedule' }, { key: 'a', value: 'x' }, true],
  [{ key: 'a', value: 'x', effect: 'NoSchedule' }, { key: 'a', value: 'y' }, false],
  [{ key: 'a', value: 'x', effect: 'NoSchedule' }, { key: 'a', operator: 'Exists' }, true],
  [{ key: 'a', value: 'x', effect: 'NoExecute' }, { operator: 'Exists' }, true],
  [{ key: 'a', effect: 'NoExecute' }, { operator: 'Exists', effect: 'NoSchedule' }, false],
  [
    { key: 'a', effect: 'NoExecute' },
    { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5n },
    true,
  ],
  [{ key: 'a', effect: 'NoSchedule' }, { key: 'b', operator: 'Exists' }, false],
  [{ key: 'a', effect: 'NoSchedule' }, { key: 'a', operator: 'Sometimes' }, false],
  [{ key: 'a', effect: 'PreferNoSchedule' }, { key: 'b', operator: 'Exists' }, true],
];

for (const [taint, toleration, isTolerated] of TOLERATIONS) {
  const name = `${JSON.stringify(taint)} and ${toleration.operator ?? ''} ${toleration.key ?? ''} ${toleration.effect ?? ''}`;
  test(`untolerated(): ${name}`, () => {
    const found = untolerated([Taint.create(taint)], [Toleration.create(toleration)]);
    assert.equal(found === undefined, isTolerated);
  });
}

const LABELS = new Map([
  ['zone', 'eu'],
  ['size', '12'],
]);

const REQUIREMENTS: [key: string, operator: string, values: string[], holds: boolean][] = [
  ['zone', 'In', ['us', 'eu'], true],
  ['zone', 'In', ['us'], false],
  ['none', 'In', [''], false],
  ['zone', 'NotIn', ['us'], true],
  ['none', 'NotIn', ['us'], true],
  ['zone', 'NotIn', ['eu'], false],
  ['zone', 'Exists', [], true],
  ['none', 'DoesNotExist', [], true],
  ['zone', 'DoesNotExist', [], false],
  ['size', 'Gt', ['9'], true],
  ['size', 'Gt', ['12'], false],
  ['size', 'Lt', ['100'], true],
  ['zone', 'Gt', ['1'], false],
  ['none', 'Lt', ['1'], false],
  ['zone', 'Near', ['eu'], false],
];

for (const [key, operator, values, holds] of REQUIREMENTS) {
  test(`matchesAffinity(): ${key} ${operator} ${values.join(',')}`, () => {
    const affinity = NodeSelector.create({
      nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }], matchFields: [] }],
    });
    assert.equal(matchesAffinity(affinity, LABELS, 'n1'), holds);
  });
}

test('matchesAffinity(): a term without requirements matches nothing, an unknown field neither', () => {
  const empty = NodeSelector.create({ nodeSelectorTerms: [{ matchExpressions: [], matchFields: [] }] });
  assert.equal(matchesAffinity(empty, LABELS, 'n1'), false);
  const field = (key: string) =>
    NodeSelector.create({
      nodeSelectorTerms: [{ matchExpressions: [], matchFields: [{ key, operator: 'In', values: ['n1'] }] }],
    });
  assert.equal(matchesAffinity(field('metadata.name'), LABELS, 'n1'), true);
  assert.equal(matchesAffinity(field('metadata.name'), LABELS, 'n2'), false);
  assert.equal(matchesAffinity(field('spec.x'), LABELS, 'n1'), false);
});

test('hostsNamed() lists hosts only where every alternative does', () => {
  const host = { key: HOSTNAME_LABEL, operator: 'In', values: ['n1', 'n2'] };
  const zone = { key: 'zone', operator: 'Exists', values: [] };
  const terms = (...lists: (typeof host)[][]) =>
    NodeSelector.create({
      nodeSelectorTerms: lists.map((matchExpressions) => ({ matchExpressions, matchFields: [] })),
    });
  assert.deepEqual(hostsNamed(new Map(), terms([host, zone])), ['n1', 'n2']);
  assert.equal(hostsNamed(new Map(), terms([host], [zone])), undefined);
  assert.deepEqual(hostsNamed(new Map([[HOSTNAME_LABEL, 'n3']]), terms([zone])), ['n3']);
});
