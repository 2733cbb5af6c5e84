import type { Connection } from '@armada-ts/client/connect';
import { ArmadaClientError } from '@armada-ts/client/errors';
import { getQueues } from '@armada-ts/client/queues';
import { nearNames } from '@armada-ts/api/json/near-names';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';

/** Looking for advice must not take longer than the mistake is worth. */
const ADVICE_TIMEOUT_MS = 2_000;

/** What helps somebody whose queue is missing: it may be one to make, or only one to find. */
export type QueueRemedy = 'create' | 'list';

/**
 * Makes a call that names a queue. When the server finds something missing and
 * it is the queue, the failure says so, with near names and what to do.
 */
export async function withQueueAdvice<Result>(
  connection: Connection,
  queue: string,
  call: () => Promise<Result>,
  remedy: QueueRemedy = 'list',
): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw (await missingQueue({ connection, queue, remedy }, error)) ?? error;
  }
}

/** Undefined when the error is about something else, or nothing more can be learnt. */
async function missingQueue(
  { connection, queue, remedy }: { connection: Connection; queue: string; remedy: QueueRemedy },
  error: unknown,
): Promise<Failure | undefined> {
  if (!(error instanceof ArmadaClientError) || error.code !== 'NOT_FOUND') return undefined;
  // Servers of Armada's give no reason; there the list of queues tells.
  if (error.reason !== undefined && error.reason !== 'QUEUE_NOT_FOUND') return undefined;
  const names: string[] = [];
  try {
    for await (const { name } of getQueues(connection, { timeoutMs: ADVICE_TIMEOUT_MS })) names.push(name);
  } catch {
    return undefined;
  }
  return names.includes(queue) ? undefined : unknownQueue(queue, names, { remedy, cause: error });
}

/** A queue that is not among those there are. */
export function unknownQueue(
  queue: string,
  known: readonly string[],
  { remedy = 'list', cause }: { remedy?: QueueRemedy; cause?: unknown } = {},
): Failure {
  const near = nearNames(queue, known).map((name) => `"${name}"`);
  return new Failure(ExitCode.notFound, `queue "${queue}" does not exist`, {
    details: [
      ...(near.length > 0 ? [`did you mean ${near.join(' or ')}?`] : []),
      remedy === 'create'
        ? `create it with \`armadactl create queue ${quoted(queue)}\``
        : '`armadactl get queues -o name` lists those that exist',
    ],
    cause,
  });
}

/** As it must be typed in a shell. */
function quoted(word: string): string {
  return /^[\w.@%+=:,/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
