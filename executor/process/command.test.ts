import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import { Container } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { UnsupportedPod, commandOf, expand } from './command.ts';

const lease = JobRunLease.fromPartial({ jobRunId: 'run-1', queue: 'queue-a', job: { jobId: '01abc' } });
const facts = { lease, podName: 'pod', namespace: 'space', node: 'node-0' };

function command(container: Parameters<typeof Container.fromPartial>[0], inherited = {}) {
  return commandOf(Container.fromPartial({ command: ['true'], ...container }), 'c', facts, inherited);
}

test('expand() replaces known names, keeps unknown ones, and takes $$ for $', () => {
  const variables = new Map([['A', 'a b']]);
  assert.equal(expand('$(A)-$(B)-$$(A)-$$$(A)-$A-$()', variables), 'a b-$(B)-$(A)-$a b-$A-$()');
});

test('commandOf() joins command and args and expands both', () => {
  const { argv } = command({
    command: ['echo', '$(X)'],
    args: ['$(X)$(X)'],
    env: [{ name: 'X', value: '1' }],
  });
  assert.deepEqual(argv, ['echo', '1', '11']);
});

test('commandOf() passes on only a few variables, and gives PATH a value', () => {
  const { environment } = command({}, { TZ: 'UTC', TOKEN: 'secret' });
  assert.ok(environment.includes('TZ=UTC') && environment.some((one) => /^PATH=.*\/usr\/bin/.test(one)));
  assert.equal(
    environment.some((one) => one.includes('secret')),
    false,
  );
});

test('commandOf() lets a job set what is set for it otherwise', () => {
  const { environment } = command({ env: [{ name: 'ARMADA_QUEUE', value: 'mine' }] });
  assert.deepEqual(
    environment.filter((one) => one.startsWith('ARMADA_QUEUE=')),
    ['ARMADA_QUEUE=mine'],
  );
});

test('commandOf() answers the simple fields of the downward API', () => {
  const field = (fieldPath: string) =>
    command({ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath } } }] }).environment.find((one) =>
      one.startsWith('X='),
    );
  assert.equal(field('metadata.name'), 'X=pod');
  assert.equal(field('metadata.namespace'), 'X=space');
  assert.equal(field('metadata.uid'), `X=${facts.lease.jobRunId}`);
  assert.equal(field('spec.nodeName'), 'X=node-0');
  assert.equal(field("metadata.labels['none']"), 'X=');
});

test('commandOf() refuses by name what it cannot give', () => {
  const refuses = (container: Parameters<typeof Container.fromPartial>[0], message: RegExp) =>
    assert.throws(
      () => command(container),
      (error) => error instanceof UnsupportedPod && message.test(error.message),
    );
  refuses(
    { env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] },
    /^c\.env\[0\]\.valueFrom.*podIP/,
  );
  refuses({ env: [{ name: 'X', valueFrom: { secretKeyRef: { key: 'k' } } }] }, /^c\.env\[0\]\.valueFrom/);
  refuses({ envFrom: [{ prefix: 'P' }] }, /^c\.envFrom/);
  refuses({ env: [{ name: 'A=B', value: '' }] }, /^c\.env\[0\]\.name "A=B"/);
  refuses({ command: [] }, /^c needs a command/);
  refuses({ args: ['a\0b'] }, /NUL/);
  refuses({ env: [{ name: 'X', value: 'é'.repeat(65_536) }] }, /^c has .* longer than 128 KiB/);
});

test('commandOf() refuses variables that double until nothing can hold them', () => {
  const env = Array.from({ length: 1000 }, (_, i) => ({
    name: `V${i}`,
    value: i === 0 ? 'lots' : `$(V${i - 1})$(V${i - 1})`,
  }));
  assert.throws(() => command({ env }), UnsupportedPod);
  const many = Array.from({ length: 1000 }, (_, i) => ({
    name: `V${i}`,
    value: i === 0 ? 'x'.repeat(9000) : '$(V0)',
  }));
  assert.throws(() => command({ env: many }), { message: /^c has variables that expand to more/ });
});
