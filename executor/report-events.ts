/** From the states of a run to the events that tell of them. Pure. */
import {
  type ContainerError,
  type Error as RunError,
  EventSequence,
  EventSequence_Event,
  KubernetesReason,
  type KubernetesResourceInfo,
  type ObjectMeta,
} from '@armada-ts/api/armadaevents/armadaevents';
import { podName } from './pod.ts';
import type { HeldRun, RunFailure, RunState } from './runtime.ts';

/** How much of a run the server knows. */
export const Stage = { none: 0, assigned: 1, running: 2, ended: 3 } as const;

export type Stage = (typeof Stage)[keyof typeof Stage];

/** Who reports. */
export interface Reporter {
  executorId: string;
  poolOf(node: string): string;
}

/** Longest text that is sent of a failure: users' programs have a say in it. */
const MAX_TEXT_LENGTH = 4_000;

/** How far a run has come. */
export function stageOf(state: RunState): Stage {
  switch (state.phase) {
    case 'pending':
      return Stage.assigned;
    case 'running':
      return Stage.running;
    case 'succeeded':
    case 'failed':
      return Stage.ended;
    case 'stopped':
      return Stage.none;
  }
}

/**
 * The events that bring a server from `known` to where the run is, oldest first.
 * A run that was never seen running skips that event.
 */
export function eventsSince(known: Stage, run: HeldRun, reporter: Reporter): EventSequence_Event[] {
  const now = stageOf(run.state);
  const events: EventSequence_Event[] = [];
  const pool = reporter.poolOf(run.node);
  const { jobId, runId, startedAtMs } = run;
  const resourceInfos = [resourceInfo(run, reporter)];
  if (known < Stage.assigned && now >= Stage.assigned) {
    const value = { resourceInfos, jobId, runId, pool };
    events.push(eventAt(run.acceptedAtMs, { $case: 'jobRunAssigned', value }));
  }
  if (known < Stage.running && now >= Stage.running && startedAtMs !== undefined) {
    const value = { resourceInfos, jobId, runId, pool };
    events.push(eventAt(startedAtMs, { $case: 'jobRunRunning', value }));
  }
  if (known >= Stage.ended) return events;
  if (run.state.phase === 'succeeded') {
    const value = { resourceInfos, jobId, runId };
    events.push(eventAt(run.state.finishedAtMs, { $case: 'jobRunSucceeded', value }));
  } else if (run.state.phase === 'failed') {
    const value = { jobId, runId, errors: [runError(run.state.failure, run, reporter)] };
    events.push(eventAt(run.state.finishedAtMs, { $case: 'jobRunErrors', value }));
  }
  return events;
}

/** Events of many runs as one sequence for each job set; the order within a run is kept. */
export function sequencesOf(
  reports: readonly { run: HeldRun; events: EventSequence_Event[] }[],
): EventSequence[] {
  const sequences = new Map<string, EventSequence>();
  for (const { run, events } of reports) {
    const key = JSON.stringify([run.queue, run.jobSet]);
    let sequence = sequences.get(key);
    if (sequence === undefined) {
      sequence = { ...EventSequence.create(), queue: run.queue, jobSetName: run.jobSet };
      sequences.set(key, sequence);
    }
    sequence.events.push(...events);
  }
  return [...sequences.values()];
}

function eventAt(atMs: number, event: NonNullable<EventSequence_Event['event']>): EventSequence_Event {
  const ms = Math.floor(atMs);
  const created = { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
  return { event, created };
}

function resourceInfo(run: HeldRun, reporter: Reporter): KubernetesResourceInfo {
  return {
    objectMeta: objectMeta(run, reporter, podName(run.jobId)),
    info: { $case: 'podInfo', value: { nodeName: run.node, podNumber: 0 } },
  };
}

function objectMeta(run: HeldRun, reporter: Reporter, name: string): ObjectMeta {
  const { namespace, runId: kubernetesId } = run;
  return {
    executorId: reporter.executorId,
    namespace,
    name,
    kubernetesId,
    annotations: new Map(),
    labels: new Map(),
  };
}

function runError(failure: RunFailure, run: HeldRun, reporter: Reporter): RunError {
  const meta = objectMeta(run, reporter, podName(run.jobId));
  const message = failure.message.slice(0, MAX_TEXT_LENGTH);
  const rest = { terminal: true, failureCategory: '', failureSubcategory: '', retryPolicyName: '' };
  if (failure.kind === 'leaseReturned') {
    const { runAttempted } = failure;
    const value = { objectMeta: meta, message, podNumber: 0, runAttempted, debugMessage: '' };
    return { ...rest, reason: { $case: 'podLeaseReturned', value } };
  }
  const kubernetesReason = KubernetesReason[failure.reason];
  const containerErrors = failure.containers.map(
    (container): ContainerError => ({
      objectMeta: objectMeta(run, reporter, container.name),
      exitCode: container.exitCode,
      message: container.message.slice(0, MAX_TEXT_LENGTH),
      reason: container.reason,
      kubernetesReason,
    }),
  );
  const value = {
    objectMeta: meta,
    message,
    nodeName: run.node,
    podNumber: 0,
    containerErrors,
    kubernetesReason,
    debugMessage: '',
  };
  return { ...rest, reason: { $case: 'podError', value } };
}
