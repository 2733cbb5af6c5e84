/** Requests for the tests of submit. */
import { JobSubmitRequest, JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { priorityClassesSchema, submissionSchema } from '../config.ts';
import { type SubmitRules, submitRules } from '../rules.ts';

type ItemParts = NonNullable<Parameters<typeof JobSubmitRequestItem.create>[0]>;
type SpecParts = NonNullable<Parameters<typeof PodSpec.create>[0]>;
type ContainerParts = NonNullable<NonNullable<SpecParts['containers']>[number]>;

/** Rules as configured by default, with changes. */
export function sampleRules(changes: Parameters<typeof submissionSchema.parse>[0] = {}): SubmitRules {
  return submitRules(submissionSchema.parse(changes), priorityClassesSchema.parse(undefined));
}

export function quantities(amounts: Record<string, string>): Map<string, { string: string }> {
  return new Map(Object.entries(amounts).map(([resource, string]) => [resource, { string }]));
}

/** A container that requests these amounts, limits being the same. */
export function sampleContainer(
  amounts: Record<string, string> = { cpu: '1', memory: '1Gi' },
): ContainerParts {
  const both = quantities(amounts);
  return { name: 'main', image: 'alpine:3', resources: { requests: both, limits: both } };
}

export function sampleSpec(changes: SpecParts = {}): SpecParts {
  return { containers: [sampleContainer()], ...changes };
}

export function sampleItem(changes: ItemParts = {}): JobSubmitRequestItem {
  return JobSubmitRequestItem.create({ namespace: 'default', podSpec: sampleSpec(), ...changes });
}

export function sampleRequest(...items: ItemParts[]): JobSubmitRequest {
  return JobSubmitRequest.create({
    queue: 'queue-a',
    jobSetId: 'set-1',
    jobRequestItems: items.map(sampleItem),
  });
}
