/** Sends what the library has made. Its own way sends each message by itself, and waits for each. */
import type { ServerResponse } from 'node:http';
import type { UniversalServerResponse } from '@connectrpc/connect/protocol';
import type { Pieces } from './pieces.ts';

/** An answer with one message, in one piece. */
export async function sendWhole(
  { status, header, body }: UniversalServerResponse,
  response: ServerResponse,
): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  const [only] = chunks;
  response.writeHead(status, Object.fromEntries(header ?? []));
  response.end(only && chunks.length === 1 ? only : Buffer.concat(chunks));
}

/** A stream, no faster than the client takes it; messages that are there at the same time go together. */
export async function sendStream(
  { status, header, body, trailer }: UniversalServerResponse,
  response: ServerResponse,
  { gone, pieces }: { gone: AbortSignal; pieces: Pieces },
): Promise<void> {
  const together = corker(response);
  response.writeHead(status, Object.fromEntries(header ?? []));
  for await (const chunk of body ?? []) {
    if (gone.aborted) return;
    together.begin();
    if (response.write(pieces.shift() ?? chunk)) continue;
    // What is held back would never drain.
    together.end();
    await drained(response);
  }
  together.end();
  if (gone.aborted) return;
  // They are complete at the end only.
  if (trailer) response.addTrailers(Object.fromEntries(trailer));
  response.end();
}

/** Holds back what is written until nothing more is at hand. */
function corker(response: ServerResponse) {
  let turn: NodeJS.Immediate | undefined;
  const end = (): void => {
    if (turn === undefined) return;
    clearImmediate(turn);
    turn = undefined;
    response.uncork();
  };
  const begin = (): void => {
    if (turn !== undefined) return;
    response.cork();
    turn = setImmediate(end);
  };
  return { begin, end };
}

/** Resolves when there is room again, or nobody who takes anything. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('drain', settle).off('close', settle);
      resolve();
    };
    response.on('drain', settle).on('close', settle);
  });
}
