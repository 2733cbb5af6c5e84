/** What an operator can set about scheduling. */
import { z } from 'zod';

const MINUTE_MS = 60_000;

export const schedulerSchema = z.strictObject({
  maxAttempts: z
    .int()
    .min(1)
    .default(3)
    .describe(
      'How many runs of a job may be started before it fails. Counted are runs that came back or were lost after they may have started; a run that fails by itself ends the job at once.',
    ),
  executorQuietMs: z
    .int()
    .min(1000)
    .default(MINUTE_MS)
    .describe('An executor that has not been heard of for this long gets nothing new, in milliseconds.'),
  executorLostMs: z
    .int()
    .min(1000)
    .default(10 * MINUTE_MS)
    .describe(
      'The runs of an executor that has not been heard of for this long are given up, and their jobs queued again within their attempts, in milliseconds.',
    ),
  executorForgottenMs: z
    .int()
    .min(MINUTE_MS)
    .default(60 * MINUTE_MS)
    .describe(
      'For this long after it was last heard of, the nodes of an executor count when it is judged whether a job can ever run, in milliseconds.',
    ),
  rejectAfterMs: z
    .int()
    .min(0)
    .default(10_000)
    .describe(
      'No job is rejected in the first milliseconds after the scheduler has started: executors may still be on their way.',
    ),
  maxRoundIntervalMs: z
    .number()
    .min(0)
    .default(20)
    .describe(
      'Longest rest between the starts of two scheduling rounds, in milliseconds. It is less, ten times what the last round took, where rounds are cheap; when nothing was going on, a round starts at once.',
    ),
  roundMaxPlacements: z
    .int()
    .min(1)
    .default(10_000)
    .describe('Most jobs placed in one round; the next round goes on at once.'),
});

export type SchedulerConfig = z.output<typeof schedulerSchema>;
