import type { ExecutorStream, SeeResponse } from '@armada-ts/api/armada/server/v1/peers';
import { type ServiceError, status } from '@grpc/grpc-js';
import type { Peer } from './channels.ts';

/** A link over which another server, which leads, is shown what executors show here. */
export interface SeeLink {
  send(stream: ExecutorStream, bytes: Uint8Array, isRepeated: boolean): void;
  /** Nothing is heard of it any more. */
  end(): void;
}

export interface SeeLinkEvents {
  /** What the executor showed has been taken in. */
  taken(executorId: string): void;
  /**
   * The link is of no use any more.
   * @param wasReached it is the other server that will not have it, for now
   */
  lost(wasReached: boolean, error?: unknown): void;
}

/** Largest part of a request that is sent at once: every server takes messages of 64 KiB. */
const PART_BYTES = 60 * 1024;

/** Opens a link, which ends when its server is gone. */
export function openSeeLink(peer: Peer, events: SeeLinkEvents): SeeLink {
  const call = peer.client.see(peer.metadata());
  let isOver = false;
  const cancel = (): void => call.cancel();
  const finish = (): void => {
    isOver = true;
    peer.gone.removeEventListener('abort', cancel);
  };
  const lost = (wasReached: boolean, error?: unknown): void => {
    if (isOver) return;
    finish();
    events.lost(wasReached, error);
  };
  peer.gone.addEventListener('abort', cancel);
  call.on('data', ({ executorId }: SeeResponse) => {
    if (!isOver) events.taken(executorId);
  });
  call.on('error', (error: ServiceError) => lost(isRefusal(error), error));
  call.on('end', () => lost(true));
  return {
    send(stream, bytes, isRepeated) {
      const { buffer, byteOffset, length } = bytes;
      for (let start = 0; start === 0 || start < length; start += PART_BYTES) {
        const part = Buffer.from(buffer, byteOffset + start, Math.min(PART_BYTES, length - start));
        call.write({ stream, isRepeated, part, hasMore: start + PART_BYTES < length });
      }
    },
    end() {
      finish();
      cancel();
    },
  };
}

/** Whether it is the server's own word that it does not lead, or stops: only servers of ours name the request. */
function isRefusal({ code, metadata }: ServiceError): boolean {
  return code === status.UNAVAILABLE && metadata.get('x-request-id').length > 0;
}
