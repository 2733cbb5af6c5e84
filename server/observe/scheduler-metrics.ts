/** The scheduler's figures under the names that Armada gave them, where it has such. */
import type { Durations } from '../base/durations.ts';
import { type PoolFigures, QUEUED_SECONDS, type SchedulerFigures } from '../scheduler/figures.ts';
import { TOOK_MS } from '../scheduler/tally.ts';
import { type Family, histogramSamples, type Sample, type Source } from './metrics.ts';

export interface SchedulerToMeasure {
  role(): 'loading' | 'following' | 'leading';
  measure(): Promise<SchedulerFigures | undefined>;
}

export function schedulerMetrics(scheduler: SchedulerToMeasure): Source {
  return async () => {
    const figures = await scheduler.measure();
    return [
      gauge('armada_scheduler_leader_status', 'Whether this server leads.', [
        sample({}, scheduler.role() === 'leading' ? 1 : 0),
      ]),
      ...(figures ? familiesOf(figures) : []),
    ];
  };
}

/**
 * What stands in the figures of every server is the same, but runs and nodes:
 * executors show themselves to the leader alone, so others know them as it last kept them.
 */
function familiesOf(figures: SchedulerFigures): Family[] {
  return [
    ...queueFamilies(figures),
    ...runFamilies(figures),
    ...clusterFamilies(figures),
    ...poolFamilies(figures.pools),
    ...workFamilies(figures),
  ];
}

function queueFamilies({ queues, waiting }: SchedulerFigures): Family[] {
  return [
    gauge(
      'armada_queue_size',
      'Jobs of the queue that are queued.',
      queues.map(({ name, queuedSeconds }) => sample(ofQueue(name), countOf(queuedSeconds))),
    ),
    gauge(
      'armada_queue_distinct_scheduling_keys',
      'Kinds of queued jobs, by what they need of a node.',
      queues.map(({ name, classes }) => sample(ofQueue(name), classes)),
    ),
    gauge(
      'armada_queue_priority',
      'Priority factor of the queue.',
      queues.map(({ name, priorityFactor }) => sample(ofQueue(name), priorityFactor)),
    ),
    gauge(
      'armada_queue_cordoned',
      'Whether the queue gets nothing new.',
      queues.map(({ name, isCordoned }) => sample(ofQueue(name), isCordoned ? 1 : 0)),
    ),
    {
      name: 'armada_job_queued_seconds',
      help: 'How long the jobs that are queued now have been so.',
      type: 'histogram',
      samples: queues
        .filter(({ queuedSeconds }) => countOf(queuedSeconds) > 0)
        .flatMap(({ name, queuedSeconds }) => histogramSamples(ofQueue(name), QUEUED_SECONDS, queuedSeconds)),
    },
    gauge(
      'armada_queue_resource_queued',
      'What the queued jobs ask for, in cores, bytes and pieces.',
      waiting.flatMap(({ queue, priorityClass, requests }) =>
        amounts({ ...ofQueue(queue), priorityClass }, requests),
      ),
    ),
    gauge(
      'armada_queue_resource_queued_count',
      'Queued jobs by priority class.',
      waiting.map(({ queue, priorityClass, jobs }) => sample({ ...ofQueue(queue), priorityClass }, jobs)),
    ),
  ];
}

function runFamilies({ running }: SchedulerFigures): Family[] {
  const labelled = running.map(({ executor, pool, queue, priorityClass, runs, requests }) => ({
    labels: { cluster: executor, pool, ...ofQueue(queue), priorityClass },
    runs,
    requests,
  }));
  return [
    gauge(
      'armada_queue_leased_pod_count',
      'Runs that are leased, pending or running.',
      labelled.map(({ labels, runs }) => sample(labels, runs)),
    ),
    gauge(
      'armada_queue_resource_allocated',
      'What those runs ask for, in cores, bytes and pieces.',
      labelled.flatMap(({ labels, requests }) => amounts(labels, requests)),
    ),
  ];
}

function clusterFamilies({ clusters }: SchedulerFigures): Family[] {
  const labelled = clusters.map((one) => ({ labels: { cluster: one.executor, pool: one.pool }, ...one }));
  return [
    gauge(
      'armada_cluster_capacity',
      'What the nodes of executors that are heard of offer.',
      labelled.flatMap(({ labels, capacity }) => amounts(labels, capacity)),
    ),
    gauge(
      'armada_cluster_available_capacity',
      'The same of nodes that get new jobs.',
      labelled.flatMap(({ labels, available }) => amounts(labels, available)),
    ),
    gauge(
      'armada_cluster_cordoned_status',
      'Whether the executor gets nothing new.',
      labelled.map(({ labels, isCordoned }) => sample(labels, isCordoned ? 1 : 0)),
    ),
    gauge(
      'armada_cluster_nodes',
      'Nodes that the executor shows.',
      labelled.map(({ labels, nodes }) => sample(labels, nodes)),
    ),
  ];
}

function poolFamilies(pools: readonly PoolFigures[]): Family[] {
  const shares = pools.flatMap(({ name, shares: own }) =>
    own.map((share) => ({ ...share, labels: { pool: name, queue: share.queue } })),
  );
  const shareGauge = (name: string, help: string, of: (share: (typeof shares)[number]) => number): Family =>
    gauge(
      `armada_scheduler_${name}`,
      help,
      shares.map((share) => sample(share.labels, of(share))),
    );
  return [
    shareGauge('fair_share', 'Share of the pool that is fair by weight alone.', ({ fair }) => fair),
    shareGauge(
      'adjusted_fair_share',
      'The same after what some do not need went to the others.',
      ({ adjusted }) => adjusted,
    ),
    shareGauge('actual_share', 'Share of the pool that its runs hold.', ({ actual }) => actual),
    shareGauge('demand', 'Share that its runs and queued jobs ask for.', ({ demand }) => demand),
    shareGauge('queue_weight', '1 / priority factor.', ({ weight }) => weight),
    gauge(
      'armada_scheduler_fairness_error',
      'By how much queues fall short of their adjusted fair share, together.',
      pools.map(({ name, fairnessError }) => sample({ pool: name }, fairnessError)),
    ),
    gauge(
      'armada_scheduler_node_pool_size',
      'Nodes of the pool that get new jobs.',
      pools.map(({ name, nodes }) => sample({ pool: name }, nodes)),
    ),
  ];
}

function workFamilies({ jobs, inFlight, tally }: SchedulerFigures): Family[] {
  const counts = (from: ReadonlyMap<string, ReadonlyMap<string, number>>, label: string): Sample[] =>
    [...from].flatMap(([queue, own]) =>
      [...own].map(([key, value]) => sample({ queue, [label]: key }, value)),
    );
  return [
    gauge('armada_scheduler_jobs', 'Live jobs.', [sample({}, jobs)]),
    gauge('armada_scheduler_jobs_in_flight', 'Jobs about which a decision is on its way to the store.', [
      sample({}, inFlight),
    ]),
    {
      name: 'armada_scheduler_scheduled_jobs',
      help: 'Jobs placed on a node.',
      type: 'counter',
      samples: counts(tally.scheduled, 'priority_class'),
    },
    {
      name: 'armada_scheduler_job_state_counter_by_queue',
      help: 'Decisions that are in the log, by what they made of the job.',
      type: 'counter',
      samples: counts(tally.decided, 'state'),
    },
    histogram('armada_scheduler_scheduling_cycle_times', 'How long rounds took, in ms.', tally.rounds),
    histogram('armada_scheduler_schedule_cycle_times', 'How long ticks took, in ms.', tally.ticks),
  ];
}

/** Armada names the queue twice, and dashboards use either. */
function ofQueue(queue: string): { queueName: string; queue: string } {
  return { queueName: queue, queue };
}

function countOf({ counts }: Durations): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Kept in base units; cores are told as such, not in thousandths. */
function amounts(labels: Sample['labels'], from: ReadonlyMap<string, number>): Sample[] {
  return [...from].map(([resourceType, amount]) =>
    sample({ ...labels, resourceType }, resourceType === 'cpu' ? amount / 1000 : amount),
  );
}

function sample(labels: Sample['labels'], value: number): Sample {
  return { labels, value };
}

function gauge(name: string, help: string, samples: Sample[]): Family {
  return { name, help, type: 'gauge', samples };
}

function histogram(name: string, help: string, took: Durations): Family {
  return { name, help, type: 'histogram', samples: histogramSamples({}, TOOK_MS, took) };
}
