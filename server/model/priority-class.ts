/**
 * Priority classes: how jobs of one queue, and of different queues, rank against
 * each other before any fair share is looked at. A class that is not configured
 * does not exist, so the configured names are the names a job may use.
 */

export interface PriorityClass {
  /** Higher goes first. (The priority of a job within its class is the other way round.) */
  priority: number;
  /** Whether its running jobs may be pushed out. */
  preemptible: boolean;
}

export type PriorityClasses = ReadonlyMap<string, PriorityClass>;

/** Name of the class of a job that names none, unless configured. */
export const DEFAULT_PRIORITY_CLASS = 'armada-default';

/** What a server knows when nothing is configured. */
export const defaultPriorityClasses: Readonly<Record<string, PriorityClass>> = {
  [DEFAULT_PRIORITY_CLASS]: { priority: 1000, preemptible: false },
  'armada-preemptible': { priority: 1000, preemptible: true },
  'armada-resilient': { priority: 1000, preemptible: false },
};
