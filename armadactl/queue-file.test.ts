import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQueueFile } from './queue-file.ts';

const VALID = `apiVersion: armadaproject.io/v1beta1
kind: Queue
name: demo
priorityFactor: 2
permissions:
  - subjects: [{kind: Group, name: everyone}]
    verbs: [submit, watch]
`;

test('parseQueueFile() reads one or more queues', () => {
  const [queue, other] = parseQueueFile({
    name: 'queues.yaml',
    text: `${VALID}---\nkind: Queue\nname: other\n`,
  });
  assert.equal(queue?.priorityFactor, 2);
  assert.deepEqual(queue?.permissions[0]?.verbs, ['submit', 'watch']);
  assert.equal(other?.name, 'other');
});

test('parseQueueFile() refuses other kinds and unknown keys, naming the line', () => {
  const refuses = (text: string, detail: RegExp) =>
    assert.throws(
      () => parseQueueFile({ name: 'queues.yaml', text }),
      (error: unknown) => {
        assert.ok(error instanceof Error && 'details' in error);
        assert.match(String(error.details), detail);
        return true;
      },
    );
  refuses('kind: RetryPolicy\nname: a\n', /line 1: kind: expected Queue, got "RetryPolicy"/);
  refuses(VALID.replace('v1beta1', 'v2'), /line 1: apiVersion: expected/);
  refuses(VALID.replace('priorityFactor', 'priorityFactr'), /line 4: priorityFactr: unknown key/);
  refuses('kind: Queue\n', /name: is missing/);
  refuses('- a\n', /expected the keys of a queue/);
  assert.throws(() => parseQueueFile({ name: 'queues.yaml', text: '' }), /is empty/);
});
