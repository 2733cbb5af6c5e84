/**
 * The link: a stream to the server, dialled from here so that a cluster needs no
 * open port, over which the server asks for what runs have written.
 *
 * A Go server has no such service; then nothing is lost but logs through us.
 */
import { type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import type {
  LinkRequest,
  LinkResponse,
  LogChunk,
  ReadLog,
} from '@armada-ts/api/armada/executor/v1/executor';
import { createBackoff } from './backoff.ts';
import type { Connection } from './connection.ts';
import type { Logger } from './logger.ts';
import { retryHintMs } from './retry-hint.ts';
import { LogNotFound, type LogPart, type LogRequest, type Runtime } from './runtime.ts';

export interface LinkDeps {
  executorId: string;
  connection: Connection;
  runtime: Runtime;
  logger: Logger;
}

type Stream = ClientDuplexStream<LinkRequest, LinkResponse>;

/** Largest chunk of an answer. */
const CHUNK_BYTES = 64 * 1024;
/** Questions answered at a time; one more is refused. */
const MAX_QUESTIONS = 256;
/** How long a server is waited for at a time. */
const REACH_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5_000;

/** Keeps a link open until closed, or until a server says that it knows no links. */
export function keepLink(deps: LinkDeps): { close(): void } {
  const backoff = createBackoff(FIRST_PAUSE_MS, LAST_PAUSE_MS);
  let stream: Stream | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const questions = new Map<number, AbortController>();

  const dial = async (): Promise<void> => {
    const server = await deps.connection.reach(REACH_MS);
    if (isClosed) return;
    if (server === undefined) return dial();
    const mine = server.link.link(deps.connection.metadata());
    stream = mine;
    const lost = (error?: ServiceError): void => {
      if (stream !== mine) return;
      stream = undefined;
      abortAll(questions);
      if (isClosed) return;
      if (error?.code === status.UNIMPLEMENTED) {
        deps.logger.info({}, 'this server does not ask for logs');
        return;
      }
      const pauseMs = Math.max(backoff.next(), (error && retryHintMs(error)) ?? 0);
      timer = setTimeout(() => void dial(), pauseMs);
    };
    mine.on('error', lost);
    mine.on('end', () => lost());
    mine.on('data', (message: LinkResponse) => {
      backoff.reset();
      take(deps, mine, questions, message);
    });
    mine.write({ message: { $case: 'hello', value: { executorId: deps.executorId } } });
  };

  void dial();
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
      abortAll(questions);
      stream?.end();
    },
  };
}

/** Nobody waits for the answers any more, and numbers start anew with the next link. */
function abortAll(questions: Map<number, AbortController>): void {
  for (const question of questions.values()) question.abort();
  questions.clear();
}

function take(
  deps: LinkDeps,
  stream: Stream,
  questions: Map<number, AbortController>,
  { message }: LinkResponse,
): void {
  switch (message?.$case) {
    case 'cancel':
      questions.get(message.value)?.abort();
      return;
    case 'readLog': {
      const { question } = message.value;
      if (questions.size >= MAX_QUESTIONS) {
        send(stream, { ...lastChunk(question), error: 'the executor is answering too many questions' });
        return;
      }
      const abort = new AbortController();
      questions.set(question, abort);
      void answer(deps, stream, message.value, abort.signal).finally(() => {
        if (questions.get(question) === abort) questions.delete(question);
      });
      return;
    }
    case undefined:
  }
}

/** Answers one question. Every answer that was not cancelled has a last chunk, whatever happens. */
async function answer(deps: LinkDeps, stream: Stream, ask: ReadLog, signal: AbortSignal): Promise<void> {
  let error = '';
  try {
    for await (const chunk of chunksOf(deps.runtime.log(logRequest(ask, signal)), Number(ask.limit))) {
      const value = {
        ...lastChunk(ask.question),
        end: false,
        data: chunk.data,
        offset: BigInt(chunk.offset),
      };
      if (!send(stream, value)) await drained(stream, signal);
      if (signal.aborted) return;
    }
  } catch (cause) {
    if (!(cause instanceof LogNotFound))
      deps.logger.warn({ err: cause, jobId: ask.jobId }, 'a log cannot be read');
    error = cause instanceof LogNotFound ? cause.message : 'the log cannot be read';
  }
  if (!signal.aborted) send(stream, { ...lastChunk(ask.question), error });
}

function logRequest(ask: ReadLog, signal: AbortSignal): LogRequest {
  return {
    jobId: ask.jobId,
    runId: ask.runId === '' ? undefined : ask.runId,
    container: ask.container === '' ? undefined : ask.container,
    offset: Number(ask.offset),
    follow: ask.follow,
    signal,
  };
}

/** The log in pieces fit to send, `limit` bytes in all; 0 for no limit. */
async function* chunksOf(
  parts: AsyncIterable<LogPart>,
  limit: number,
): AsyncIterable<{ data: Buffer; offset: number }> {
  let left = limit === 0 ? Infinity : limit;
  for await (const part of parts) {
    const data = Buffer.from(part.data.buffer, part.data.byteOffset, Math.min(part.data.byteLength, left));
    for (let at = 0; at < data.length; at += CHUNK_BYTES) {
      yield { data: data.subarray(at, at + CHUNK_BYTES), offset: part.offset + at };
    }
    left -= data.length;
    if (left <= 0) return;
  }
}

function lastChunk(question: number): LogChunk {
  return { question, data: Buffer.alloc(0), offset: 0n, end: true, error: '' };
}

/** Tells whether the stream takes more at once. */
function send(stream: Stream, value: LogChunk): boolean {
  return stream.write({ message: { $case: 'logChunk', value } });
}

/** Waits until the stream takes more, or nobody wants it any more. */
async function drained(stream: Stream, signal: AbortSignal): Promise<void> {
  if (signal.aborted || !stream.writableNeedDrain) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    stream.on('drain', done);
    signal.addEventListener('abort', done);
  });
}
