import type { IncomingMessage } from 'node:http';

/** Why a body is not read to its end. */
export type BodyFault = 'too large' | 'no room' | 'gone';

export interface CollectOptions {
  maxBytes: number;
  /** So much more has come; false when there is no room for it. */
  takes: (bytes: number) => boolean;
  errorOf: (fault: BodyFault) => Error;
  /** Called once, when it is there or given up. */
  settled?: () => void;
}

export interface Collecting {
  /** The whole body. Rejects with what errorOf made, or what it was given up with. */
  bytes: Promise<Buffer>;
  giveUp: (error: Error) => void;
}

/** Reads a body into one piece. */
export function collectBody(
  request: IncomingMessage,
  { maxBytes, takes, errorOf, settled }: CollectOptions,
): Collecting {
  const { promise: bytes, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  const settle = (): void => {
    request.off('data', take).off('end', end).off('close', gone).off('error', gone);
    settled?.();
  };
  const giveUp = (error: Error): void => {
    settle();
    // What still comes is thrown away, but an error without a listener would end the process.
    request.on('error', () => {});
    request.resume();
    reject(error);
  };
  const take = (chunk: Buffer): void => {
    size += chunk.length;
    if (size > maxBytes) giveUp(errorOf('too large'));
    else if (!takes(chunk.length)) giveUp(errorOf('no room'));
    else chunks.push(chunk);
  };
  const end = (): void => {
    settle();
    const [only] = chunks;
    resolve(only && chunks.length === 1 ? only : Buffer.concat(chunks, size));
  };
  const gone = (): void => giveUp(errorOf('gone'));
  request.on('data', take).on('end', end).on('close', gone).on('error', gone);
  return { bytes, giveUp };
}
