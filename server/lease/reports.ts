/**
 * What executors report about runs. A report changes its run's record and
 * nothing else: what follows for the job is the scheduler's to decide.
 *
 * A report about a run that is not the job's valid run, or from an executor
 * that the run was not leased to, is answered like any other, dropped and
 * counted: an error would make executors send it for ever. A report that would
 * change a run of an executor that the caller may not be is refused, with the
 * whole call: no executor comes to that by bad luck.
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
import { applyEvent, type Event, jobIdOf, lastRun } from '../model/job.ts';
import type { Store } from '../store/store.ts';
import type { Inboxes } from './inboxes.ts';

export interface ReportDeps {
  store: Store;
  inboxes: Pick<Inboxes, 'held'>;
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
  const demandExecutor = (executorId: string): void => deps.authorizer.demandExecutor(principal, executorId);
  let jobIds = [...reports.keys()];
  for (let attempt = 0; jobIds.length > 0; attempt++) {
    if (attempt === MAX_ATTEMPTS) {
      throw new ArmadaError('CONFLICT', 'the reported jobs keep changing; report again', {
        retryAfterMs: 50,
      });
    }
    const known = attempt === 0 ? changesOfHeld(deps, reports, demandExecutor) : new Map<string, Change>();
    const unknown = jobIds.filter((jobId) => !known.has(jobId));
    const read = unknown.length === 0 ? [] : await deps.store.read.jobs(unknown);
    const batches = batchesOf([...known.values(), ...changesOf({ ...deps, demandExecutor }, read, reports)]);
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

/** What the reports of a job come to. */
interface Change {
  record: JobRecord;
  expectedVersion: number;
  events: Event[];
  /** Reports that change nothing. */
  dropped: number;
}

/**
 * The changes of jobs as this server's inboxes know them: most reports need no reading then. A record may be older than
 * the store's, which refuses what was derived from it; but a report is not dropped for what such a record says.
 */
function changesOfHeld(
  { inboxes, clock }: ReportDeps,
  reports: ReadonlyMap<string, readonly Event[]>,
  demandExecutor: Hearing['demandExecutor'],
): Map<string, Change> {
  const hearing = { now: clock.now(), demandExecutor };
  const changes = new Map<string, Change>();
  for (const [jobId, ofJob] of reports) {
    const held = inboxes.held(jobId);
    const change = held && changeOf(held, ofJob, hearing);
    if (change?.dropped === 0) changes.set(jobId, change);
  }
  return changes;
}

/** What the reports change in the jobs as they are. */
function changesOf(
  { clock, logger, demandExecutor }: ReportDeps & Pick<Hearing, 'demandExecutor'>,
  jobs: readonly StoredJob[],
  reports: ReadonlyMap<string, readonly Event[]>,
): Change[] {
  const hearing = { now: clock.now(), demandExecutor };
  const changes = jobs.flatMap(
    (job) => changeOf(job, reports.get(job.record?.jobId ?? '') ?? [], hearing) ?? [],
  );
  const dropped = changes.reduce((sum, change) => sum + change.dropped, 0);
  if (dropped > 0) logger.debug({ dropped }, 'reports that change nothing were dropped');
  return changes.filter(({ events }) => events.length > 0);
}

/** When reports are heard, and by whom: throws when they may not be this executor. */
interface Hearing {
  now: number;
  demandExecutor: (executorId: string) => void;
}

function changeOf(
  { record: before, version }: StoredJob,
  reports: readonly Event[],
  { now, demandExecutor }: Hearing,
): Change | undefined {
  if (!before) return undefined;
  const change: Change = { record: before, expectedVersion: version, events: [], dropped: 0 };
  for (const report of reports) {
    const event = cleanReport(report, change.record, now);
    const after = event && applyEvent(change.record, event, '');
    if (event && after) {
      demandExecutor(lastRun(after)?.executorId ?? '');
      change.record = after;
      change.events.push(event);
    } else change.dropped++;
  }
  return change;
}

/** One batch for each queue. */
function batchesOf(changes: readonly Change[]): Batch[] {
  const batches = new Map<string, { batch: Batch; sequences: Map<string, EventSequence> }>();
  for (const { record, expectedVersion, events } of changes) {
    const { queue, jobSet } = record;
    let made = batches.get(queue);
    if (!made) {
      made = { batch: Batch.create({ queue }), sequences: new Map() };
      batches.set(queue, made);
    }
    made.batch.changed.push({ record, expectedVersion });
    const sequence = made.sequences.get(jobSet);
    if (sequence) {
      for (const event of events) sequence.events.push(event);
      continue;
    }
    const begun = { queue, jobSetName: jobSet, userId: '', groups: [], events };
    made.sequences.set(jobSet, begun);
    made.batch.sequences.push(begun);
  }
  return Array.from(batches.values(), ({ batch }) => batch);
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
