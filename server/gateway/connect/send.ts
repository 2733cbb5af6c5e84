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
  const writer = createWriter(response, gone);
  response.writeHead(status, Object.fromEntries(header ?? []));
  for await (const chunk of body ?? []) {
    if (gone.aborted) return;
    await writer.write(pieces.shift() ?? chunk);
  }
  writer.flush();
  if (gone.aborted) return;
  // They are complete at the end only.
  if (trailer) response.addTrailers(readable(trailer));
  response.end();
}

/**
 * The library encodes more of a message than gRPC asks for, colons for example,
 * and the clients of Node leave those as they are.
 */
function readable(trailer: Headers): Record<string, string> {
  const fields = Object.fromEntries(trailer);
  const { 'grpc-message': encoded } = fields;
  if (encoded === undefined) return fields;
  const message = decodeURIComponent(encoded).replaceAll(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);
  return { ...fields, 'grpc-message': message };
}

/** Beyond this, what is held back goes at once. */
const MAX_HELD_BYTES = 64 * 1024;

/**
 * Holds back what is written until nothing more is at hand. Corking the response
 * would do, were it not that under HTTP/1.1 it then asks to wait for room and
 * does not say when there is some.
 */
function createWriter(response: ServerResponse, gone: AbortSignal) {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let turn: NodeJS.Immediate | undefined;
  let room: Promise<void> | undefined;
  const flush = (): void => {
    clearImmediate(turn);
    turn = undefined;
    if (heldBytes === 0 || gone.aborted) return;
    const [only] = held;
    const whole = only && held.length === 1 ? only : Buffer.concat(held);
    held = [];
    heldBytes = 0;
    if (!response.write(whole)) {
      room ??= drained(response).then(() => {
        room = undefined;
      });
    }
  };
  return {
    flush,
    /** Resolves when there is room for more, or nobody who takes it. */
    async write(chunk: Uint8Array): Promise<void> {
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes >= MAX_HELD_BYTES) flush();
      else turn ??= setImmediate(flush);
      if (room) await room;
    },
  };
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
