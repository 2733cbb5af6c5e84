import assert from 'node:assert/strict';
import { test } from 'node:test';
import { priorityClassesSchema, submissionSchema } from './config.ts';
import { submitRules } from './rules.ts';

test('submitRules() refuses configurations that contradict themselves', () => {
  const classes = priorityClassesSchema.parse(undefined);
  const rulesOf = (config: object) => submitRules(submissionSchema.parse(config), classes);
  assert.throws(() => rulesOf({ defaultPriorityClassName: 'other' }), /must be one of armada-default/);
  assert.throws(
    () => rulesOf({ minTerminationGracePeriodSeconds: 10, maxTerminationGracePeriodSeconds: 5 }),
    /must not be more/,
  );
  assert.equal(rulesOf({ minJobResources: { cpu: '10m' } }).minAmounts.get('cpu'), 10);
});

test('the submission schema refuses amounts that are none, and keys it does not know', () => {
  for (const config of [
    { defaultJobLimits: { cpu: 'lots' } },
    { minJobResources: { memory: '-1' } },
    { maxOversubscriptionByResourceRequest: { cpu: 0.5 } },
    { maxPodSpecSizeBytez: 1 },
  ]) {
    assert.equal(submissionSchema.safeParse(config).success, false, JSON.stringify(config));
  }
});
