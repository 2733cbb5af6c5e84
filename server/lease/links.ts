/**
 * The private links over which executors that are ours answer questions. The
 * executor dials, so that a cluster needs no open port.
 */
import type { LinkRequest, LinkResponse, ReadLog } from '@armada-ts/api/armada/executor/v1/executor';
import type { Authorizer } from '../auth/authorizer.ts';
import type { Principal } from '../auth/principal.ts';
import { ArmadaError } from '../base/errors.ts';

/** Part of a run's output. */
export interface LogPart {
  data: Uint8Array;
  /** Place of the first byte in the log. */
  offset: number;
}

export interface Links {
  /** Serves one link until it ends. */
  serve(
    principal: Principal,
    requests: AsyncIterable<LinkRequest>,
    send: (message: LinkResponse) => Promise<void>,
  ): Promise<void>;

  /** Whether the executor has its link here. */
  has(executorId: string): boolean;

  /** Asks an executor for a log. Throws LOG_NOT_FOUND, and UNAVAILABLE when no link to it is open or it breaks. */
  readLog(
    executorId: string,
    question: Omit<ReadLog, 'question'>,
    signal: AbortSignal,
  ): AsyncIterable<LogPart>;
}

/**
 * Bytes of one question. A long log is asked for piece by piece as its reader
 * takes it, so a slow reader holds up nobody else on the same link.
 */
export const MAX_ANSWER_BYTES = 1024 * 1024;

interface Link {
  send: (message: LinkResponse) => Promise<void>;
  answers: Map<number, Answer>;
  nextQuestion: number;
}

interface Answer {
  parts: LogPart[];
  /** Of all parts, taken or not. */
  receivedBytes: number;
  state: 'open' | 'ended' | ArmadaError;
  changed: () => void;
}

export function createLinks(authorizer: Authorizer): Links {
  const links = new Map<string, Link>();
  return {
    async serve(principal, requests, send) {
      authorizer.demand(principal, 'execute_jobs');
      const link: Link = { send, answers: new Map(), nextQuestion: 1 };
      let executorId: string | undefined;
      try {
        for await (const { message } of requests) {
          if (message?.$case === 'hello' && executorId === undefined) {
            authorizer.demandExecutor(principal, message.value.executorId);
            executorId = message.value.executorId;
            links.set(executorId, link);
          } else if (message?.$case === 'logChunk') {
            takeChunk(link, message.value);
          }
        }
      } finally {
        if (executorId !== undefined && links.get(executorId) === link) links.delete(executorId);
        const lost = new ArmadaError('UNAVAILABLE', 'the link to the executor broke', { retryAfterMs: 1000 });
        for (const answer of link.answers.values()) finish(answer, lost);
      }
    },

    has: (executorId) => links.has(executorId),

    async *readLog(executorId, question, signal) {
      let offset = question.offset;
      for (;;) {
        const link = links.get(executorId);
        if (!link) {
          const message = `executor "${executorId}" is not connected, and only it has the log; try again when it is back`;
          throw new ArmadaError('UNAVAILABLE', message, { retryAfterMs: 1000 });
        }
        let received = 0;
        for await (const part of ask(link, { ...question, offset }, signal)) {
          received += part.data.byteLength;
          offset = BigInt(part.offset + part.data.byteLength);
          yield part;
        }
        if (received < MAX_ANSWER_BYTES || signal.aborted) return;
      }
    },
  };
}

/** One question of at most MAX_ANSWER_BYTES and its answer. */
async function* ask(
  link: Link,
  question: Omit<ReadLog, 'question'>,
  signal: AbortSignal,
): AsyncIterable<LogPart> {
  if (signal.aborted) return;
  const number = link.nextQuestion++;
  const answer: Answer = { parts: [], receivedBytes: 0, state: 'open', changed: () => {} };
  link.answers.set(number, answer);
  const stop = (): void => finish(answer, 'ended');
  signal.addEventListener('abort', stop);
  try {
    const value = { ...question, question: number, limit: BigInt(MAX_ANSWER_BYTES) };
    await link.send({ message: { $case: 'readLog', value } });
    yield* readAnswer(answer);
  } finally {
    signal.removeEventListener('abort', stop);
    link.answers.delete(number);
    if (answer.state === 'open' || signal.aborted) {
      await link.send({ message: { $case: 'cancel', value: number } }).catch(() => {});
    }
  }
}

function takeChunk(
  link: Link,
  chunk: { question: number; data: Uint8Array; offset: bigint; end: boolean; error: string },
): void {
  const answer = link.answers.get(chunk.question);
  if (!answer) return;
  answer.receivedBytes += chunk.data.length;
  if (answer.receivedBytes > 2 * MAX_ANSWER_BYTES) {
    finish(answer, new ArmadaError('UNAVAILABLE', 'the executor sent more of the log than it was asked for'));
    return;
  }
  if (chunk.data.length > 0) answer.parts.push({ data: chunk.data, offset: Number(chunk.offset) });
  if (chunk.error !== '') finish(answer, new ArmadaError('LOG_NOT_FOUND', chunk.error));
  else if (chunk.end) finish(answer, 'ended');
  else answer.changed();
}

async function* readAnswer(answer: Answer): AsyncIterable<LogPart> {
  for (;;) {
    const part = answer.parts.shift();
    if (part) {
      yield part;
      continue;
    }
    if (answer.state === 'ended') return;
    if (answer.state !== 'open') throw answer.state;
    await new Promise<void>((resolve) => {
      answer.changed = resolve;
    });
  }
}

function finish(answer: Answer, state: 'ended' | ArmadaError): void {
  if (answer.state === 'open') answer.state = state;
  answer.changed();
}
