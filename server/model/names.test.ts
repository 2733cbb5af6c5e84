import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLabelKey, isLabelValue, isPrintable, namespaceFault, queueNameFault } from './names.ts';

test('isPrintable() refuses control characters, broken Unicode and what stands for it', () => {
  for (const text of ['a\0b', 'a\nb', 'a\u007fb', 'a\u0085b', 'a\ufffdb', 'a\ud800b', 'a\u2028b']) {
    assert.equal(isPrintable(text), false, JSON.stringify(text));
  }
  for (const text of ['', 'job set', 'größe', '作業', '🚀', 'a:b/c'])
    assert.equal(isPrintable(text), true, text);
});

test('queueNameFault() allows what can be a Kubernetes label value', () => {
  for (const name of ['a', 'queue-a', 'Team_1.x', 'q'.repeat(63)])
    assert.equal(queueNameFault(name), undefined, name);
  for (const name of ['', '-a', 'a-', 'a b', 'a:b', 'a/b', 'a\nb', 'ä', 'q'.repeat(64)]) {
    assert.notEqual(queueNameFault(name), undefined, name);
  }
});

test('namespaceFault() allows what can be a Kubernetes namespace', () => {
  for (const name of ['default', 'a', 'team-1']) assert.equal(namespaceFault(name), undefined, name);
  for (const name of ['', 'Default', 'a.b', 'a_b', '../etc', 'n'.repeat(64)])
    assert.notEqual(namespaceFault(name), undefined, name);
});

test('isLabelKey() and isLabelValue() follow Kubernetes', () => {
  for (const key of ['app', 'armadaproject.io/gangId', 'kubernetes.io/hostname', 'a.b-c/D_e'])
    assert.equal(isLabelKey(key), true, key);
  for (const key of ['', '/', 'a/', '/a', 'a/b/c', '-a', 'A.io/x', 'a..b/x', 'a b', `${'d'.repeat(254)}/x`]) {
    assert.equal(isLabelKey(key), false, key);
  }
  for (const value of ['', 'a', 'A_b.c-1']) assert.equal(isLabelValue(value), true, value);
  for (const value of ['a b', '-', 'v'.repeat(64), 'a/b']) assert.equal(isLabelValue(value), false, value);
});
