import { ALLOWED_KINDS } from '@armada-ts/api/policy/pod-allowed';
import { POD_POLICY_LEVELS } from '@armada-ts/api/policy/pod-policy';
import { z } from 'zod';
import { queueNameFault } from '../model/names.ts';
import { DEFAULT_PRIORITY_CLASS, defaultPriorityClasses } from '../model/priority-class.ts';
import { parseQuantity, toInteger } from '../model/quantity.ts';

const quantity = z.string().superRefine((text, context) => {
  const parsed = parseQuantity(text);
  const fault = parsed.ok ? toInteger(parsed.value, 'milli', 'up') : parsed;
  if (!fault.ok) context.addIssue(fault.fault);
});

const quantities = z.record(z.string().min(1), quantity);

const seconds = z.int().min(0);

const toleration = z.strictObject({
  key: z.string().min(1),
  operator: z.enum(['Equal', 'Exists']).default('Equal'),
  value: z.string().default(''),
  effect: z.enum(['', 'NoSchedule', 'PreferNoSchedule', 'NoExecute']).default('NoSchedule'),
});

const ours = (key: string) => ({
  key,
  operator: 'Equal' as const,
  value: 'true',
  effect: 'NoSchedule' as const,
});

/** Priority classes; the submit rules and the scheduler both go by them. */
export const priorityClassesSchema = z
  .record(
    z
      .string()
      .min(1)
      .refine((name) => queueNameFault(name) === undefined, 'must be usable as a Kubernetes label value'),
    z.strictObject({
      priority: z.int().describe('Higher goes first, before any fair share is looked at.'),
      preemptible: z.boolean().default(false).describe('Whether its running jobs may be pushed out.'),
    }),
  )
  .default({ ...defaultPriorityClasses })
  .describe('Priority classes by name. Jobs may use these and no others.');

const podPolicyLevel = z.enum(POD_POLICY_LEVELS);

const patterns = z.array(z.string().min(1)).min(1);

const ofAll = patterns.default(['*']);

const allowed = z.partialRecord(z.enum(ALLOWED_KINDS), patterns);

const podPolicy = z.strictObject({
  level: podPolicyLevel
    .default('baseline')
    .describe(
      'What pods may take for themselves on their nodes, see [security](security.md): `off` anything, `baseline` nothing that gives a hold on the node, `restricted` only what is hardened.',
    ),
  allowed: allowed
    .default({})
    .describe(
      'Which names pods may use, as lists of patterns under `namespaces`, `serviceAccounts`, `imageRegistries` and `priorityClasses`. What has no list is not limited.',
    ),
  exceptions: z
    .array(
      z.strictObject({
        queues: ofAll,
        namespaces: ofAll,
        level: podPolicyLevel.optional(),
        allowed: allowed.optional(),
      }),
    )
    .default([])
    .describe(
      'Another `level` or other `allowed` lists, as `{ queues, namespaces, level, allowed }`, for jobs of these queues in these namespaces; the first that fits counts. `*` stands for any characters, and a list that is left out for all.',
    ),
});

const submission = z.strictObject({
  defaultPriorityClassName: z
    .string()
    .default(DEFAULT_PRIORITY_CLASS)
    .describe('Priority class of jobs that name none.'),
  maxPodSpecBytes: z.int().min(1).default(65_535).describe('Largest pod spec, in bytes of protocol buffer.'),
  maxJobsPerRequest: z
    .int()
    .min(1)
    .max(2 ** 20)
    .default(50_000)
    .describe('Most jobs of one request. They are accepted together or not at all.'),
  defaultJobLimits: quantities
    .default({ cpu: '1', memory: '1Gi', 'ephemeral-storage': '8Gi' })
    .describe('Request and limit of each resource that a container does not mention.'),
  minJobResources: quantities.default({ memory: '1Mi' }).describe('Least that a container may request.'),
  maxOversubscriptionByResourceRequest: z
    .record(z.string().min(1), z.number().min(1))
    .default({})
    .describe('How many times its request a limit may be, by resource. 1, the default, makes them equal.'),
  assertInitContainersRequestFractionalCpu: z
    .boolean()
    .default(true)
    .describe(
      'Whether init containers must ask for a fraction of a core, so that they never take whole cores from main containers.',
    ),
  minTerminationGracePeriodSeconds: seconds
    .min(1)
    .default(1)
    .describe('Shortest grace period, and that of jobs that ask for none.'),
  maxTerminationGracePeriodSeconds: seconds.default(300).describe('Longest grace period.'),
  defaultActiveDeadlineSeconds: seconds
    .min(1)
    .default(259_200)
    .describe('How long a job may run that sets no deadline.'),
  defaultActiveDeadlineByResourceRequestSeconds: z
    .record(z.string().min(1), seconds.min(1))
    .default({ 'nvidia.com/gpu': 1_209_600 })
    .describe('The same for jobs that request such a resource; the longest that applies.'),
  restrictedTolerationKeys: z
    .array(z.string().min(1))
    .default([])
    .describe('Tolerations that jobs may not bring themselves.'),
  defaultJobTolerations: z
    .array(toleration)
    .default([ours('armadaproject.io/armada')])
    .describe('Tolerations every job gets.'),
  defaultJobTolerationsByPriorityClass: z
    .record(z.string().min(1), z.array(toleration))
    .default({
      'armada-default': [ours('armadaproject.io/pc-armada-default')],
      'armada-preemptible': [ours('armadaproject.io/pc-armada-preemptible')],
    })
    .describe('Tolerations that jobs of a priority class get.'),
  defaultJobTolerationsByResourceRequest: z
    .record(z.string().min(1), z.array(toleration))
    .default({ 'nvidia.com/gpu': [ours('armadaproject.io/gpu')] })
    .describe('Tolerations that jobs requesting a resource get.'),
  defaultGangNodeUniformityLabel: z
    .string()
    .default('')
    .describe('Node label that the nodes of a gang share, when its jobs name none.'),
  addGangIdLabel: z.boolean().default(false).describe('Whether pods of a gang are labelled with its id.'),
  podPolicy: podPolicy.prefault({}),
  allowCustomServiceNames: z
    .boolean()
    .default(false)
    .describe('Whether a service may have a name of its own.'),
  autoCreateQueues: z
    .boolean()
    .default(false)
    .describe(
      'Whether a submit to an unknown queue creates it, for callers with the permission submit_any_jobs.',
    ),
  createQueueOnUpdate: z
    .boolean()
    .default(false)
    .describe('Whether updating an unknown queue creates it, as releases of 2021 did over REST.'),
});

/** What a job must look like, and what is filled in where it says nothing. */
export const submissionSchema = submission.superRefine((config, context) => {
  const { minTerminationGracePeriodSeconds: least, maxTerminationGracePeriodSeconds: most } = config;
  if (least <= most) return;
  const message = `must not be less than minTerminationGracePeriodSeconds, which is ${least}, got ${most}`;
  context.addIssue({ code: 'custom', path: ['maxTerminationGracePeriodSeconds'], message });
});

export type SubmissionConfig = z.output<typeof submissionSchema>;
export type TolerationConfig = z.output<typeof toleration>;
