/**
 * Permissions that hold for the whole system, by the names that Armada's
 * configuration uses; `operate`, for the operator port, is our own. A queue grants its own by verb, see model/queue.ts.
 */
import type { QueueVerb } from '../model/queue.ts';

export const PERMISSIONS = [
  'submit_any_jobs',
  'cancel_any_jobs',
  'preempt_any_jobs',
  'reprioritize_any_jobs',
  'watch_all_events',
  'create_queue',
  'delete_queue',
  'cordon_queue',
  'cordon_nodes',
  'execute_jobs',
  'update_executor_settings',
  'create_retry_policy',
  'update_retry_policy',
  'delete_retry_policy',
  'pprof',
  'operate',
] as const;

export type Permission = (typeof PERMISSIONS)[number];

/** The permission that allows a verb on every queue. */
export const PERMISSION_OF_VERB: Readonly<Record<QueueVerb, Permission>> = {
  submit: 'submit_any_jobs',
  cancel: 'cancel_any_jobs',
  preempt: 'preempt_any_jobs',
  reprioritize: 'reprioritize_any_jobs',
  watch: 'watch_all_events',
};
