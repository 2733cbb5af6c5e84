import type { JobSetEvent, JobSetEventBody } from '@armada-ts/client/events';
import { oneLine } from './one-line.ts';
import { type Paint, plain, stateColour } from './paint.ts';

/** One line of `armadactl watch`. */
export interface WatchedEvent {
  event: JobSetEvent;
  /** How many jobs of the set are in each state, in the order of a job's life; states without jobs are left out. */
  counts: readonly (readonly [state: string, jobs: number])[];
}

/** The longest kind that occurs often; longer ones push the line to the right. */
const KIND_WIDTH = 10;
/** Length of a job id. */
const ID_WIDTH = 26;

/**
 * An event on one line: when, what, which job, how the set stands, and what
 * else is worth knowing.
 */
export function eventLine({ event, counts }: WatchedEvent, paint: Paint = plain): string {
  const { body } = event;
  const { $case: kind, value } = body;
  const states = counts.map(([state, jobs]) => paint(`${jobs} ${state}`, stateColour(state))).join(', ');
  const parts = [
    timeText(value.created),
    paint(kindText(kind).padEnd(KIND_WIDTH), stateColour(kind)),
    oneLine(value.jobId).padEnd(ID_WIDTH),
    `[${states}]`,
    ...eventDetails(body).map(oneLine),
  ];
  return parts.join('  ').trimEnd();
}

function timeText(created: { seconds: bigint; nanos: number } | undefined): string {
  if (!created) return '-'.padEnd(24);
  return new Date(Number(created.seconds) * 1000 + Math.floor(created.nanos / 1e6)).toISOString();
}

/** `leaseReturned` reads `lease-returned`. */
function kindText(kind: JobSetEventBody['$case']): string {
  return kind.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Where, why and by whom, as far as the event tells. */
function eventDetails(body: JobSetEventBody): string[] {
  switch (body.$case) {
    case 'leased':
    case 'pending':
      return named('cluster', body.value.clusterId);
    case 'running':
    case 'succeeded':
      return named('node', body.value.nodeName);
    case 'failed':
      return failureDetails(body.value);
    case 'leaseReturned':
    case 'terminated':
    case 'unableToSchedule':
      return [...named('cluster', body.value.clusterId), ...named('reason', body.value.reason)];
    case 'cancelling':
    case 'cancelled':
    case 'preempting':
    case 'preempted':
      return [...named('by', body.value.requestor), ...named('reason', body.value.reason)];
    case 'reprioritizing':
    case 'reprioritized':
      return [`priority ${body.value.newPriority}`, ...named('by', body.value.requestor)];
    case 'duplicateFound':
      return named('same as', body.value.originalJobId);
    case 'utilisation':
      return [...body.value.MaxResourcesForPeriod].map(([name, amount]) => `${name} ${amount.string ?? '?'}`);
    case 'ingressInfo':
      return [...body.value.ingressAddresses].map(([port, address]) => `port ${port} at ${address}`);
    case 'submitted':
    case 'queued':
    case 'leaseExpired':
      return [];
  }
}

function failureDetails(failed: Extract<JobSetEventBody, { $case: 'failed' }>['value']): string[] {
  const codes = [...failed.exitCodes].map(([container, code]) =>
    failed.exitCodes.size === 1 ? `exit code ${code}` : `exit code ${code} of ${container}`,
  );
  return [
    ...codes,
    ...named('node', failed.nodeName),
    ...named('reason', failed.reason),
    ...(failed.retryable ? ['will be tried again'] : []),
  ];
}

function named(name: string, value: string): string[] {
  return value === '' ? [] : [`${name} ${value}`];
}
