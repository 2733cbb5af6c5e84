/**
 * What executors report about runs. A report changes its run's record and
 * nothing else: what follows for the job is the scheduler's to decide.
 *
 * A report about a run that is not the job's valid run, or from an executor
 * that the run was not leased to, is answered like any other, dropped and
 * counted: an error would make executors send it for ever.
 */
import { Batch, type JobRecord, type StoredJob } from '@armada-ts/api/armada/store/v1/store';
import type {
  Error as RunError,
  EventSequence,
  KubernetesResourceInfo,
} from '@armada-ts/api/armadaevents/armadaevents';
import type { Authorizer } from '../auth/authorizer.ts';
import type { Principal } from '../auth/principal.ts';
import type { Clock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { isJobId } from '../model/ids.ts';
import { instantOf, timestampOf } from '../model/instant.ts';
import { applyEvent, type Event, jobIdOf } from '../model/job.ts';
import type { Store } from '../store/store.ts';

export interface ReportDeps {
  store: Store;
  authorizer: Authorizer;
  clock: Clock;
  logger: Logger;
}

/** Longest text of an error that is kept; the rest is in the log of the run. */
const MAX_TEXT_LENGTH = 4096;

/** Times a report is derived again because its job changed meanwhile. */
const MAX_ATTEMPTS = 5;

/** The events that are an executor's to report. That a run is preempted is the scheduler's to say. */
const REPORTS = new Set<string>([
  'jobRunAssigned',
  'jobRunRunning',
  'jobRunSucceeded',
  'jobRunErrors',
  'resourceUtilisation',
  'standaloneIngressInfo',
  'jobRunTerminatedDebugInfo',
] satisfies NonNullable<Event['event']>['$case'][]);

/**
 * Takes in the reports of one call, each job's in the order they came.
 * Throws PERMISSION_DENIED, and what the store throws: then the executor sends
 * the same reports again.
 */
export async function reportEvents(
  deps: ReportDeps,
  principal: Principal,
  sequences: readonly EventSequence[],
): Promise<void> {
  deps.authorizer.demand(principal, 'execute_jobs');
  const reports = reportsByJob(sequences);
  let jobIds = [...reports.keys()];
  for (let attempt = 0; jobIds.length > 0; attempt++) {
    if (attempt === MAX_ATTEMPTS) {
      throw new ArmadaError('CONFLICT', 'the reported jobs keep changing; report again', {
        retryAfterMs: 50,
      });
    }
    const jobs = await deps.store.read.jobs(jobIds);
    const batches = deriveBatches(deps, jobs, reports);
    const results = await Promise.all(batches.map((batch) => deps.store.append(batch)));
    jobIds = batches.flatMap((batch, index) =>
      results[index]?.outcome === 'stale' ? batch.changed.map(({ record }) => record?.jobId ?? '') : [],
    );
  }
}

function reportsByJob(sequences: readonly EventSequence[]): Map<string, Event[]> {
  const reports = new Map<string, Event[]>();
  for (const event of sequences.flatMap((sequence) => sequence.events)) {
    const jobId = jobIdOf(event);
    if (jobId === undefined || !isJobId(jobId) || !REPORTS.has(event.event?.$case ?? '')) continue;
    const earlier = reports.get(jobId);
    if (earlier) earlier.push(event);
    else reports.set(jobId, [event]);
  }
  return reports;
}

/** One batch for each queue, with what the reports change in the jobs as they are. */
function deriveBatches(
  deps: ReportDeps,
  jobs: readonly StoredJob[],
  reports: ReadonlyMap<string, readonly Event[]>,
): Batch[] {
  const batches = new Map<string, Batch>();
  const now = deps.clock.now();
  let dropped = 0;
  for (const { record: before, version } of jobs) {
    if (!before) continue;
    let record = before;
    const events: Event[] = [];
    for (const report of reports.get(before.jobId) ?? []) {
      const event = cleanReport(report, record, now);
      const after = event && applyEvent(record, event, '');
      if (event && after) {
        record = after;
        events.push(event);
      } else dropped++;
    }
    if (events.length > 0) addToBatch(batches, { record, expectedVersion: version }, events);
  }
  if (dropped > 0) deps.logger.debug({ dropped }, 'reports that change nothing were dropped');
  return [...batches.values()];
}

function addToBatch(
  batches: Map<string, Batch>,
  change: { record: JobRecord; expectedVersion: number },
  events: Event[],
): void {
  const { queue, jobSet } = change.record;
  let batch = batches.get(queue);
  if (!batch) {
    batch = Batch.create({ queue });
    batches.set(queue, batch);
  }
  batch.changed.push(change);
  const sequence = batch.sequences.find((one) => one.jobSetName === jobSet);
  if (sequence) for (const event of events) sequence.events.push(event);
  else batch.sequences.push({ queue, jobSetName: jobSet, userId: '', groups: [], events });
}

/**
 * A report made fit to keep, or undefined when it is not from the executor that
 * holds the run: who reports is whom the run was leased to, long texts are cut,
 * and the time lies between the lease and now (executors' clocks differ, and
 * reports may be hours late).
 */
function cleanReport(report: Event, record: JobRecord, now: number): Event | undefined {
  const run = record.runs.at(-1);
  const what = report.event;
  if (!run || !what) return undefined;
  const reporter = executorOf(what);
  if (reporter !== '' && reporter !== run.executorId) return undefined;
  const at = Math.min(now, Math.max(run.leasedAtMs, instantOf(report.created)));
  const created = timestampOf(at);
  if (what.$case === 'jobRunErrors') {
    const errors = what.value.errors.map(cutTexts);
    return { event: { $case: 'jobRunErrors', value: { ...what.value, errors } }, created };
  }
  if (what.$case === 'jobRunTerminatedDebugInfo') {
    const value = { ...what.value, debugMessage: cut(what.value.debugMessage) };
    return { event: { $case: 'jobRunTerminatedDebugInfo', value }, created };
  }
  return { event: what, created };
}

/** Which executor a report says it is from; empty when it does not say. */
function executorOf(what: NonNullable<Event['event']>): string {
  switch (what.$case) {
    case 'jobRunAssigned':
    case 'jobRunRunning':
    case 'jobRunSucceeded':
      return executorOfResource(what.value.resourceInfos[0]);
    case 'resourceUtilisation':
      return executorOfResource(what.value.resourceInfo);
    case 'standaloneIngressInfo':
      return what.value.objectMeta?.executorId ?? '';
    case 'jobRunErrors': {
      const reason = what.value.errors[0]?.reason;
      if (reason?.$case !== 'podError' && reason?.$case !== 'podLeaseReturned') return '';
      return reason.value.objectMeta?.executorId ?? '';
    }
    default:
      return '';
  }
}

function executorOfResource(info: KubernetesResourceInfo | undefined): string {
  return info?.objectMeta?.executorId ?? '';
}

function cutTexts(error: RunError): RunError {
  const reason = error.reason;
  switch (reason?.$case) {
    case 'podError': {
      const { message, debugMessage, containerErrors } = reason.value;
      const value = {
        ...reason.value,
        message: cut(message),
        debugMessage: cut(debugMessage),
        containerErrors: containerErrors.map((one) => ({ ...one, message: cut(one.message) })),
      };
      return { ...error, reason: { $case: 'podError', value } };
    }
    case 'podLeaseReturned': {
      const { message, debugMessage } = reason.value;
      const value = { ...reason.value, message: cut(message), debugMessage: cut(debugMessage) };
      return { ...error, reason: { $case: 'podLeaseReturned', value } };
    }
    case 'maxRunsExceeded':
    case 'gangJobUnschedulable':
    case 'jobRejected':
    case 'reconciliationError': {
      const value = { ...reason.value, message: cut(reason.value.message) };
      return { ...error, reason: { $case: reason.$case, value } };
    }
    case 'jobRunPreemptedError': {
      const value = { ...reason.value, reason: cut(reason.value.reason) };
      return { ...error, reason: { $case: 'jobRunPreemptedError', value } };
    }
    case 'kubernetesError':
    case 'containerError':
    case 'executorError':
    case 'leaseExpired':
    case undefined:
      return error;
  }
}

function cut(text: string): string {
  return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}… (cut)` : text;
}
