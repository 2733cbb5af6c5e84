import assert from 'node:assert/strict';
import { test } from 'node:test';
import { priorityClassesSchema, submissionSchema } from './config.ts';
import { submitRules } from './rules.ts';

test('submitRules() has amounts in base units', () => {
  const config = submissionSchema.parse({ minJobResources: { cpu: '10m' } });
  assert.equal(submitRules(config, priorityClassesSchema.parse(undefined)).minAmounts.get('cpu'), 10);
});

test('the submission schema refuses amounts that are none, limits that contradict each other, and keys it does not know', () => {
  for (const config of [
    { defaultJobLimits: { cpu: 'lots' } },
    { minJobResources: { memory: '-1' } },
    { maxOversubscriptionByResourceRequest: { cpu: 0.5 } },
    { maxPodSpecSizeBytez: 1 },
    { minTerminationGracePeriodSeconds: 10, maxTerminationGracePeriodSeconds: 5 },
  ]) {
    assert.equal(submissionSchema.safeParse(config).success, false, JSON.stringify(config));
  }
});
