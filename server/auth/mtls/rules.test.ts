import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CertificateNames } from './certificate-names.ts';
import { compileRule } from './rules.ts';

const NAMES: CertificateNames = {
  commonName: ['executor-7'],
  subject: ['CN=executor-7, OU=research, O=Example'],
  dns: ['a.example.com', 'b.example.com'],
  email: ['anna@example.com'],
  uri: ['spiffe://example.com/ns/jobs/sa/executor'],
  organization: ['Example'],
  organizationalUnit: ['research', 'fa\nke', 'ops'],
};

function holder(
  rule: Omit<Parameters<typeof compileRule>[0], 'groups'>,
  names: Partial<CertificateNames> = {},
) {
  return compileRule({ groups: ['given'], ...rule })({ ...NAMES, ...names });
}

test('compileRule() fits the whole of what it looks at, and makes the name of it', () => {
  const cases: [Parameters<typeof holder>[0], string | undefined][] = [
    [{ from: 'commonName', pattern: '*' }, 'executor-7'],
    [{ from: 'commonName', pattern: 'executor-*', name: 'cluster-$1' }, 'cluster-7'],
    [{ from: 'commonName', pattern: 'executor' }, undefined],
    [{ from: 'commonName', pattern: 'executor.7' }, undefined],
    [{ from: 'commonName', pattern: 'EXECUTOR-*' }, undefined],
    [{ from: 'subject', pattern: '*, O=Example', name: 'example' }, 'example'],
    [{ from: 'email', pattern: '*@example.com', name: '$1' }, 'anna'],
    [{ from: 'uri', pattern: 'spiffe://example.com/ns/*/sa/*', name: '$2.$1$3' }, 'executor.jobs'],
    [{ from: 'dns', pattern: 'A.example.com' }, 'a.example.com'],
  ];
  for (const [rule, name] of cases) assert.equal(holder(rule)?.name, name, JSON.stringify(rule));
});

test('compileRule() names nobody by one of several names, by none, or by one that is no name', () => {
  assert.equal(holder({ from: 'dns', pattern: '*.example.com' }), undefined);
  assert.equal(holder({ from: 'dns', pattern: '*.example.com', name: 'host' })?.name, 'host');
  const odd = ['', ' ', 'a\nb', 'a\u202eb', 'a\u0000', 'x'.repeat(257)];
  for (const text of odd) {
    assert.equal(holder({ from: 'commonName', pattern: '*' }, { commonName: [text] }), undefined, text);
  }
  assert.equal(holder({ from: 'commonName', pattern: '*' }, { commonName: [] }), undefined);
});

test('compileRule() gives groups of its own, and of the subject when asked', () => {
  const rule = { from: 'commonName', pattern: '*' } as const;
  assert.deepEqual(holder(rule)?.groups, ['given']);
  assert.deepEqual(holder({ ...rule, groupsFrom: 'organizationalUnit' })?.groups, [
    'given',
    'research',
    'ops',
  ]);
});

test('a value that is very long is not looked at: patterns would take long about it', () => {
  const rule = { from: 'uri', pattern: '*/a/*', name: 'somebody' } as const;
  assert.equal(holder(rule, { uri: [`x/a/${'y'.repeat(2000)}`] })?.name, 'somebody');
  assert.equal(holder(rule, { uri: [`x/a/${'y'.repeat(3000)}`] }), undefined);
});

test('what is part of a name in a subject does not count as the next name', () => {
  const rule = { from: 'subject', pattern: 'CN=*, O=Example', name: '$1' } as const;
  const named = (subject: string) => holder(rule, { subject: [subject] })?.name;
  assert.equal(named('CN=anna, O=Example'), 'anna');
  assert.equal(named('CN=anna, OU=a\\, b, O=Example'), 'anna, OU=a\\, b');
  assert.equal(named('CN=anna\\, O=Example'), undefined);
  assert.equal(named('CN=anna\\\\\\, O=Example'), undefined);
});
