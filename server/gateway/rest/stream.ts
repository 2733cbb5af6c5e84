/** Answers that go on: each message is on its way as soon as it is there. */
import type { Outgoing } from '../../door/sender.ts';
import type { Door, Incoming } from '../../door/call.ts';
import { answerHeaders } from '../../door/call.ts';
import { refusalFor, sendRefusal, streamError } from './refusal.ts';
import { createPacker, type Encoding, encodingOf, flushPacked } from './encoding.ts';
import { cutOffUntaken, type Exchange, isGone } from './exchange.ts';
import { type LineForm, lineOf } from './lines.ts';

/** What a stream is written to, once its call has been let in. */
export interface AnswerStream extends Outgoing<unknown> {
  end(): void;
  /** Tells what ended the stream before its time: as its answer when there was none yet, else as the last line. */
  fail(error: unknown): void;
}

/**
 * A stream that has nothing to say is not refused any more after so long: its
 * client is told that it has begun. What is refused, is refused at once.
 */
const QUIET_MS = 500;

const CONTENT_TYPES: Readonly<Record<LineForm, string>> = {
  json: 'application/json',
  events: 'text/event-stream',
};

export function lineFormOf({ request }: Pick<Exchange, 'request'>): LineForm {
  return request.headers.accept?.includes('text/event-stream') ? 'events' : 'json';
}

export function openAnswerStream(
  door: Door,
  exchange: Exchange,
  incoming: Incoming,
  { form, toLines }: { form: LineForm; toLines: (item: unknown) => Buffer },
): AnswerStream {
  const { request, response } = exchange;
  // What a packer holds for as long as a stream is open is less with gzip.
  const encoding = encodingOf(request, ['gzip', 'br']);
  let sink: Sink | undefined;
  const begin = (): Sink => {
    if (sink !== undefined) return sink;
    clearTimeout(quiet);
    if (encoding) response.appendHeader('vary', 'Accept-Encoding');
    response.writeHead(200, {
      ...answerHeaders(door, incoming),
      'content-type': CONTENT_TYPES[form],
      'cache-control': 'no-cache',
      // Or proxies would wait until there is more.
      'x-accel-buffering': 'no',
      ...(encoding && { 'content-encoding': encoding }),
    });
    sink = encoding ? packedSink(exchange, encoding) : plainSink(exchange);
    return sink;
  };
  const quiet = setTimeout(() => {
    begin();
    response.flushHeaders();
  }, QUIET_MS);
  return {
    get writableEnded() {
      return response.writableEnded || isGone(exchange);
    },
    write: (item, sent) => begin().write(toLines(item), sent),
    end() {
      clearTimeout(quiet);
      if (isGone(exchange)) return;
      cutOffUntaken(door, exchange);
      begin().end();
    },
    fail(error) {
      clearTimeout(quiet);
      if (isGone(exchange)) return;
      if (sink === undefined) return sendRefusal(door, exchange, incoming, error);
      cutOffUntaken(door, exchange);
      const told = streamError(refusalFor(door, error, incoming));
      sink.write(Buffer.from(lineOf(told, form, 'error')), () => {});
      sink.end();
    },
  };
}

interface Sink {
  write(lines: Buffer, sent: () => void): void;
  end(): void;
}

function plainSink({ response }: Exchange): Sink {
  return {
    write: (lines, sent) => void response.write(lines, () => sent()),
    end: () => void response.end(),
  };
}

function packedSink({ response }: Exchange, encoding: Encoding): Sink {
  const packer = createPacker(encoding);
  packer.pipe(response);
  response.once('close', () => packer.destroy());
  return {
    write(lines, sent) {
      packer.write(lines);
      flushPacked(packer, encoding, sent);
    },
    end: () => void packer.end(),
  };
}
