/**
 * Logs of executors that have their link anywhere: here, or at another server.
 * When a link breaks in mid-log the executor comes back within a second or so,
 * here or elsewhere, and the log goes on at the next byte.
 */
import type { ReadLog } from '@armada-ts/api/armada/executor/v1/executor';
import type { ReadLogRequest, ReadLogResponse } from '@armada-ts/api/armada/server/v1/peers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import { isPassing } from '../base/retry.ts';
import type { Channels, Peer } from './channels.ts';
import { firstAnswer } from './first-answer.ts';

type Question = Omit<ReadLog, 'question'>;

interface Part {
  data: Uint8Array;
  offset: number;
}

/** The links that executors have to this server. */
export interface OwnLinks {
  has(executorId: string): boolean;
  /** Throws LOG_NOT_FOUND, and UNAVAILABLE when there is no link or it breaks. */
  readLog(executorId: string, question: Question, signal: AbortSignal): AsyncIterable<Part>;
}

export interface LogDeps {
  links: OwnLinks;
  channels: Channels;
  clock: Clock;
}

/** How long a log that broke off may take to go on. */
const RESUME_MS = 10_000;
const RESUME_PAUSE_MS = 200;

/** Whether a server has the link is something it just knows. */
const ANSWER_MS = 1_000;

/** Reads a log wherever the executor has its link. Throws LOG_NOT_FOUND, UNAVAILABLE. */
export async function* readAnywhere(
  deps: LogDeps,
  executorId: string,
  question: Question,
  signal: AbortSignal,
): AsyncGenerator<Part> {
  let { offset } = question;
  let hasBegun = false;
  let brokeMs: number | undefined;
  while (!signal.aborted) {
    try {
      const parts = await find(deps, executorId, { ...question, offset }, signal);
      hasBegun = true;
      for await (const part of parts) {
        brokeMs = undefined;
        offset = BigInt(part.offset + part.data.byteLength);
        yield part;
      }
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (!hasBegun || !isPassing(error)) throw error;
      brokeMs ??= deps.clock.elapsed();
      if (deps.clock.elapsed() - brokeMs > RESUME_MS) throw error;
    }
    await sleep(RESUME_PAUSE_MS, undefined, { signal }).catch(() => {});
  }
}

/** Answers another server that asks. */
export async function* answerLog(
  links: OwnLinks,
  request: ReadLogRequest,
  signal: AbortSignal,
): AsyncGenerator<ReadLogResponse> {
  const { executorId, jobId, runId, container, offset, follow } = request;
  const isLinked = links.has(executorId);
  yield { answer: { $case: 'isLinked', value: isLinked } };
  if (!isLinked) return;
  const question = { jobId, runId, container, offset, follow, limit: 0n };
  try {
    for await (const part of links.readLog(executorId, question, signal)) {
      const { buffer, byteOffset, byteLength } = part.data;
      const data = Buffer.from(buffer, byteOffset, byteLength);
      yield { answer: { $case: 'part', value: { data, offset: BigInt(part.offset) } } };
    }
  } catch (error) {
    if (!(error instanceof ArmadaError) || error.code !== 'LOG_NOT_FOUND') throw error;
    yield { answer: { $case: 'notFound', value: error.message } };
  }
}

async function find(
  { links, channels }: LogDeps,
  executorId: string,
  question: Question,
  signal: AbortSignal,
): Promise<AsyncIterable<Part>> {
  if (links.has(executorId)) return links.readLog(executorId, question, signal);
  const asked = channels.all().map((peer) => ask(peer, { executorId, ...question }, signal));
  const found = await firstAnswer(
    asked.map(async (one) => ((await one.isLinked) ? one : undefined)),
    ANSWER_MS,
  );
  for (const one of asked) if (one !== found) one.end();
  if (found) return partsOf(found);
  const message = `executor "${executorId}" is not connected, and only it has the log; try again when it is back`;
  throw new ArmadaError('UNAVAILABLE', message, { retryAfterMs: 1000 });
}

/** Another server that was asked. */
interface Asked {
  /** False also when it does not answer. */
  isLinked: Promise<boolean>;
  /** What follows. */
  messages: AsyncIterator<ReadLogResponse>;
  end: () => void;
}

function ask(peer: Peer, request: ReadLogRequest, signal: AbortSignal): Asked {
  const call = peer.logClient.readLog(request, peer.metadata());
  const over = AbortSignal.any([signal, peer.gone]);
  const end = (): void => {
    over.removeEventListener('abort', end);
    call.cancel();
  };
  over.addEventListener('abort', end);
  // Whoever reads is told; when nobody reads any more, nobody needs to know.
  call.on('error', () => {});
  const messages: AsyncIterator<ReadLogResponse> = call[Symbol.asyncIterator]();
  const isLinked = messages.next().then(
    ({ value }) => value?.answer?.$case === 'isLinked' && value.answer.value,
    (error: unknown) => {
      if (!over.aborted) peer.failed(error);
      return false;
    },
  );
  return { isLinked, messages, end };
}

async function* partsOf({ messages, end }: Asked): AsyncGenerator<Part> {
  try {
    for (;;) {
      const { value, done } = await messages.next();
      if (done) return;
      const { answer } = value;
      if (answer?.$case === 'notFound') throw new ArmadaError('LOG_NOT_FOUND', answer.value);
      if (answer?.$case !== 'part') continue;
      const { data, offset } = answer.value;
      yield { data, offset: Number(offset) };
    }
  } catch (error) {
    if (error instanceof ArmadaError) throw error;
    const message = 'the server to which the executor is connected does not answer any more';
    throw new ArmadaError('UNAVAILABLE', message, { retryAfterMs: 1000, cause: error });
  } finally {
    end();
  }
}
