/** Files that are the same for everybody, sent whole, small where they may be, and not at all to who has them. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { encodingOf } from '../rest/encoding.ts';

export interface KnownFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly packed: Buffer;
  /** Another one whenever the content is. */
  readonly tag: string;
}

export async function knownFile(type: string, content: string | Buffer): Promise<KnownFile> {
  const bytes = Buffer.from(content);
  const tag = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  return { type, bytes, packed: await promisify(gzip)(bytes), tag };
}

/** Makes something when it is first asked for, and again only if that failed. */
export function whenAsked<Made>(make: () => Promise<Made>): () => Promise<Made> {
  let made: Promise<Made> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** Browsers ask again each time, so that a newer server is noticed, and are told when nothing is new. */
export function sendKnown(request: FastifyRequest, reply: FastifyReply, file: KnownFile): FastifyReply {
  const takesPacked = encodingOf(request.raw, ['gzip']) !== undefined;
  const tag = `"${file.tag}${takesPacked ? '-gzip' : ''}"`;
  // The guard may have said of it what it varies by as well.
  reply.raw.appendHeader('vary', 'Accept-Encoding');
  reply
    .type(file.type)
    .header('etag', tag)
    .header('cache-control', 'no-cache')
    .header('x-content-type-options', 'nosniff');
  if (request.headers['if-none-match'] === tag) return reply.code(304).send();
  if (takesPacked) reply.header('content-encoding', 'gzip');
  return reply.send(takesPacked ? file.packed : file.bytes);
}
