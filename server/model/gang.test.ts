import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gangOf } from './gang.ts';

const annotations = (entries: Record<string, string>) =>
  new Map(Object.entries(entries).map(([name, value]) => [`armadaproject.io/${name}`, value]));

test('gangOf() reads a member', () => {
  const found = gangOf(
    annotations({ gangId: 'g', gangCardinality: '4', gangNodeUniformityLabel: 'rack', failFast: 'true' }),
  );
  assert.deepEqual(found, { gang: { id: 'g', cardinality: 4, uniformityLabel: 'rack' }, faults: [] });
});

test('gangOf() finds no gang without an id or with a single member', () => {
  assert.equal(gangOf(new Map()).gang, undefined);
  assert.deepEqual(gangOf(annotations({ gangCardinality: '3' })), { gang: undefined, faults: [] });
  assert.deepEqual(gangOf(annotations({ gangId: 'g', gangCardinality: '1', failFast: 'no' })), {
    gang: undefined,
    faults: [],
  });
});

test('gangOf() names the annotation that is wrong', () => {
  const cases: [Record<string, string>, string][] = [
    [{ gangId: '', gangCardinality: '2' }, 'gangId'],
    [{ gangId: 'a\nb', gangCardinality: '2' }, 'gangId'],
    [{ gangId: 'g' }, 'gangCardinality'],
    [{ gangId: 'g', gangCardinality: '0' }, 'gangCardinality'],
    [{ gangId: 'g', gangCardinality: '-1' }, 'gangCardinality'],
    [{ gangId: 'g', gangCardinality: 'NaN' }, 'gangCardinality'],
    [{ gangId: 'g', gangCardinality: '2.5' }, 'gangCardinality'],
    [{ gangId: 'g', gangCardinality: '4294967296' }, 'gangCardinality'],
    [{ gangId: 'g', gangCardinality: '2', failFast: 'yes' }, 'failFast'],
  ];
  for (const [entries, name] of cases) {
    const { gang, faults } = gangOf(annotations(entries));
    assert.equal(gang, undefined);
    assert.deepEqual(
      faults.map((fault) => fault.field),
      [`annotations[armadaproject.io/${name}]`],
      JSON.stringify(entries),
    );
  }
});
