import { JobRunState } from '@armada-ts/api/api/job';
import type { Job } from '@armada-ts/api/api/job';
import type { AskedFor } from '@armada-ts/api/armada/jobs/v1/jobs';
import type { DescribedRun, DescribeJobResponse } from '@armada-ts/client/job-list';
import { jobStateText, jobView } from './job-view.ts';
import { oneLine } from './one-line.ts';
import { type Paint, stateColour } from './paint.ts';
import { secondText } from './second-text.ts';
import type { View } from './view.ts';

/** A job with all that is known of it. */
export const jobDescriptionView: View<DescribeJobResponse> = {
  kind: 'JobDescription',
  name: ({ job }) => job?.jobId ?? '',
  json: (description, toJson) => toJson('armada.jobs.v1.DescribeJobResponse', description),
  preferred: 'text',
  lines: jobDescription,
  columns: jobView.columns.map((column) => ({
    ...column,
    cell: ({ job }) => (job ? column.cell(job) : ''),
    colour: ({ job }) => job && column.colour?.(job),
  })),
};

/** The longest name and its colon. */
const NAME_WIDTH = 12;

/** All that is known of a job, in lines for a person. */
function jobDescription({ job, runs, spec, cancel, preempt }: DescribeJobResponse, paint: Paint): string[] {
  if (!job) return [];
  const state = jobStateText(job.state);
  return [
    ...line('Job', job.jobId),
    `${'State:'.padEnd(NAME_WIDTH)}${paint(state, stateColour(state))} since ${secondText(job.lastChange)}`,
    ...line('Reason', job.reason),
    ...line('Exit code', String(job.exitCode ?? '')),
    ...line('Queue', job.queue),
    ...line('Job set', job.jobSet),
    ...line('Priority', String(job.priority)),
    ...line('Owner', spec?.owner ?? ''),
    ...line('Namespace', spec?.namespace ?? ''),
    ...line('Client id', spec?.clientId ?? ''),
    ...line('Submitted', secondText(job.submitted)),
    ...asked('Cancel', cancel),
    ...asked('Preempt', preempt),
    ...containerLines(spec),
    ...(runs.length === 0 ? line('Runs', 'none yet') : ['Runs, newest first:', ...runs.flatMap(runLines)]),
  ];
}

/** Nothing for what is not there. */
function line(name: string, value: string): string[] {
  return value === '' ? [] : [`${`${name}:`.padEnd(NAME_WIDTH)}${oneLine(value)}`];
}

function asked(name: string, request: AskedFor | undefined): string[] {
  if (!request) return [];
  const why = request.reason === '' ? '' : `: ${request.reason}`;
  return line(name, `asked for at ${secondText(request.at)} by ${request.user || 'somebody'}${why}`);
}

function containerLines(spec: Job | undefined): string[] {
  const containers = spec?.podSpec?.containers ?? [];
  if (containers.length === 0) return [];
  const lines = containers.flatMap(({ name, image, command, args, resources }) => [
    `  ${oneLine(name ?? '')}`,
    ...detail('image', image ?? ''),
    ...detail('command', [...command, ...args].join(' ')),
    ...detail('requests', resourcesText(resources?.requests)),
    ...detail('limits', resourcesText(resources?.limits)),
  ]);
  return ['Containers:', ...lines];
}

function resourcesText(resources: ReadonlyMap<string, { string?: string | undefined }> | undefined): string {
  return [...(resources ?? [])].map(([name, amount]) => `${name} ${amount.string ?? '?'}`).join(', ');
}

function runLines(run: DescribedRun): string[] {
  const code = run.exitCode === undefined ? '' : `, exit code ${run.exitCode}`;
  const pool = run.pool === '' ? '' : `, pool ${run.pool}`;
  const addresses = [...run.ingressAddresses].map(([port, address]) => `port ${port} at ${address}`);
  return [
    `  ${oneLine(run.runId)}  ${runStateText(run.state)}${code}`,
    ...detail('node', `${run.node} of cluster ${run.cluster}${pool}`),
    ...detail('leased', secondText(run.leased)),
    ...detail('pending', run.pending ? secondText(run.pending) : ''),
    ...detail('started', run.started ? secondText(run.started) : ''),
    ...detail('finished', run.finished ? secondText(run.finished) : ''),
    ...detail('error', run.error),
    ...detail('addresses', addresses.join(', ')),
  ];
}

function detail(name: string, value: string): string[] {
  return value === '' ? [] : [`    ${`${name}:`.padEnd(NAME_WIDTH)}${oneLine(value)}`];
}

/** `RUN_STATE_LEASE_EXPIRED` reads `lease expired`. */
function runStateText(state: JobRunState): string {
  const found = Object.entries(JobRunState).find(([, value]) => value === state);
  if (!found) return `state ${state}`;
  return found[0]
    .replace(/^RUNS?_STATE_/, '')
    .replaceAll('_', ' ')
    .toLowerCase();
}
