/**
 * A program that holds the process runtime, for tests that kill it:
 *
 *     process-host.ts DATA-DIRECTORY LEASES-FILE
 *
 * It starts every lease of the file (a JSON array, base64 of the encoded lease),
 * waits until all have ended and prints how.
 */
import fs from 'node:fs';
import { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import { systemClock } from '@armada-ts/executor/clock';
import { type HeldRun, hasEnded } from '@armada-ts/executor/runtime';
import { processRuntime } from '@armada-ts/executor/process/process-runtime';

const [, , directory = '', leasesFile = ''] = process.argv;
const leases: string[] = JSON.parse(fs.readFileSync(leasesFile, 'utf8'));
const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const runtime = await processRuntime({
  directory,
  nodes: [],
  logMaxBytes: 100_000,
  endedKeptMs: 60_000,
  endedKeptMax: 100,
  environment: { PATH: '/usr/bin:/bin' },
  clock: systemClock,
  logger,
})(() => {});
for (const lease of leases) runtime.start(JobRunLease.decode(Buffer.from(lease, 'base64')));
const timer = setInterval(() => {
  const runs: HeldRun[] = [...runtime.held()];
  if (!runs.every(({ state }) => hasEnded(state))) return;
  clearInterval(timer);
  process.stdout.write(JSON.stringify(runs.map(({ runId, state }) => ({ runId, state }))));
}, 10);
