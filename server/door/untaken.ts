/** Answers that wait for clients who do not take them. They are held in memory meanwhile, and keep the room of others. */
import { constants, type ServerHttp2Stream } from 'node:http2';

/** How long; streams of messages are ended before, with a word about it. */
export const ANSWER_TIMEOUT_MS = 60_000;

/** Ends a stream whose client takes nothing of what is ready for it. */
export function endUntaken(stream: ServerHttp2Stream, timeoutMs = ANSWER_TIMEOUT_MS): void {
  stream.setTimeout(timeoutMs);
  stream.on('timeout', () => {
    if (stream.writableLength > 0 || stream.writableEnded) stream.close(constants.NGHTTP2_CANCEL);
    else stream.setTimeout(timeoutMs);
  });
}
