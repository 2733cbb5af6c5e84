// Follows a job set to its end and judges every job's history.
import assert from 'node:assert/strict';
import { connect, type JobSetEvent, watchJobSet } from '@armada-ts/client';
import type { Expectation } from './real-jobs.ts';

const TERMINAL = new Set(['succeeded', 'failed', 'cancelled', 'preempted']);

/** What one job went through. */
export interface History {
  jobId: string;
  clientId: string;
  kinds: string[];
  last: JobSetEvent;
}

/** Reads events until `count` jobs have ended; fails on an event after an end, and when it takes too long. */
export async function followToEnd(
  address: string,
  jobSet: { queue: string; jobSetId: string },
  count: number,
  timeoutMs: number,
): Promise<Map<string, History>> {
  const histories = new Map<string, History>();
  const signal = AbortSignal.timeout(timeoutMs);
  using connection = connect({ address });
  let ended = 0;
  try {
    for await (const event of watchJobSet(connection, { ...jobSet, signal })) {
      const { $case: kind, value } = event.body;
      const jobId = value.jobId;
      const history = histories.get(jobId) ?? { jobId, clientId: '', kinds: [], last: event };
      histories.set(jobId, history);
      assert.ok(
        !TERMINAL.has(history.kinds.at(-1) ?? ''),
        `${jobId}: ${kind} after ${history.kinds.join(', ')}`,
      );
      if (event.body.$case === 'submitted') history.clientId = event.body.value.job?.clientId ?? '';
      history.kinds.push(kind);
      history.last = event;
      if (TERMINAL.has(kind) && ++ended === count) break;
    }
  } catch (error) {
    const open = [...histories.values()].filter(({ kinds }) => !TERMINAL.has(kinds.at(-1) ?? ''));
    const states = open.slice(0, 10).map(({ clientId, kinds }) => `${clientId}: ${kinds.join(', ')}`);
    throw new Error(`${ended} of ${count} jobs ended; open:\n${states.join('\n')}`, { cause: error });
  }
  return histories;
}

/** Checks that each job ended exactly as it must. */
export function judge(
  histories: ReadonlyMap<string, History>,
  expected: ReadonlyMap<string, Expectation>,
): void {
  const byClientId = new Map([...histories.values()].map((history) => [history.clientId, history]));
  assert.equal(byClientId.size, expected.size);
  for (const [clientId, expectation] of expected) {
    const history = byClientId.get(clientId);
    assert.ok(history, `${clientId} has no events`);
    const { body } = history.last;
    assert.equal(body.$case, expectation.outcome, `${clientId}: ${history.kinds.join(', ')}`);
    if (body.$case !== 'failed') continue;
    const exitCode = body.value.exitCodes.get('main');
    if (expectation.exitCode !== undefined) assert.equal(exitCode, expectation.exitCode, clientId);
    if (expectation.cause !== undefined) assert.equal(body.value.cause, expectation.cause, clientId);
  }
}
