/**
 * The leader's side of sightings: what executors show, here or at other servers,
 * on its way to the scheduler.
 *
 * An executor may go from one server to another, and what it showed to the first
 * may be here after what it showed to the second. The numbers of its streams
 * tell: of one process, nothing is taken of a stream before the newest.
 */
import type { ExecutorStream, SeeRequest, SeeResponse } from '@armada-ts/api/armada/server/v1/peers';
import { ArmadaError } from '../base/errors.ts';
import type { Members } from './members.ts';

/** What an executor showed of itself. */
export interface Sighting {
  readonly executorId: string;
  /** An encoded executorapi.LeaseRequest, made when it is asked for: whoever asks may take its buffer away. */
  encoded(): Uint8Array;
  /** It was shown to an earlier leader. */
  readonly isRepeated: boolean;
}

/** Whether this server leads, and is ready to: its scheduler decides. */
export interface Leadership {
  leads(): boolean;
  /** Calls back after any change. Returns the way out. */
  subscribe(listener: () => void): () => void;
}

export interface Taking {
  /** Takes what a stream at this server showed, or another's that is relayed. */
  take(stream: ExecutorStream, sighting: Sighting): void;
  /** Serves another server that relays, until one of the two does not lead or is gone. Throws UNAVAILABLE. */
  serve(
    callerId: string,
    requests: AsyncIterable<SeeRequest>,
    send: (message: SeeResponse) => Promise<void>,
  ): Promise<void>;
}

/** Executors whose newest stream is remembered, the ones heard of last. */
const MAX_REMEMBERED = 10_000;

/** Bytes of one request, in parts: no server takes more of an executor. */
const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

export interface TakingDeps {
  members: Members;
  leadership: Leadership;
  /** Hands a sighting to the scheduler of this server. */
  see: (sighting: Sighting) => void;
}

export function createTaking(deps: TakingDeps): Taking {
  const isOutdated = rememberStreams();
  const take: Taking['take'] = (stream, sighting) => {
    if (!isOutdated(stream)) deps.see(sighting);
  };
  return {
    take,
    async serve(callerId, requests, send) {
      using link = whileLeading(deps, callerId);
      const serve = async (): Promise<void> => {
        for await (const { stream, isRepeated, bytes } of whole(requests)) {
          link.check();
          const { executorId } = stream;
          take(stream, { executorId, encoded: () => bytes, isRepeated });
          await send({ executorId });
        }
      };
      await Promise.race([serve(), link.broken]);
    },
  };
}

/** Tells of a stream whether a newer one of the same process has shown something. */
function rememberStreams(): (stream: ExecutorStream) => boolean {
  const newest = new Map<string, ExecutorStream>();
  return (stream) => {
    const { executorId, session, number } = stream;
    if (session === '') return false;
    const known = newest.get(executorId);
    if (known?.session === session && known.number > number) return true;
    newest.delete(executorId);
    newest.set(executorId, stream);
    if (newest.size > MAX_REMEMBERED) {
      for (const oldest of newest.keys()) {
        newest.delete(oldest);
        break;
      }
    }
    return false;
  };
}

interface LeaderLink extends Disposable {
  /** Throws when the link must end. */
  check(): void;
  /** Rejects then. */
  broken: Promise<never>;
}

/** A link from another server, good while that one is alive and this one leads. */
function whileLeading({ members, leadership }: TakingDeps, callerId: string): LeaderLink {
  const { promise: broken, reject } = Promise.withResolvers<never>();
  broken.catch(() => {});
  const check = (): void => {
    if (!leadership.leads()) throw new ArmadaError('UNAVAILABLE', 'this server does not lead');
    if (!members.others().some(({ id }) => id === callerId)) {
      throw new ArmadaError('UNAVAILABLE', 'the caller has not been heard of lately');
    }
  };
  check();
  const checkAgain = (): void => {
    try {
      check();
    } catch (error) {
      reject(error);
    }
  };
  const leaves = [members.subscribe(checkAgain), leadership.subscribe(checkAgain)];
  return {
    check,
    broken,
    [Symbol.dispose]() {
      for (const leave of leaves) leave();
    },
  };
}

interface WholeSighting {
  stream: ExecutorStream;
  isRepeated: boolean;
  bytes: Uint8Array;
}

/** Puts parts together again. */
async function* whole(requests: AsyncIterable<SeeRequest>): AsyncGenerator<WholeSighting> {
  let parts: Uint8Array[] = [];
  let partBytes = 0;
  for await (const { stream, isRepeated, part, hasMore } of requests) {
    parts.push(part);
    partBytes += part.length;
    if (partBytes > MAX_REQUEST_BYTES)
      throw new ArmadaError('INVALID_REQUEST', 'more than an executor may show');
    if (hasMore) continue;
    if (stream) yield { stream, isRepeated, bytes: parts.length === 1 ? part : Buffer.concat(parts) };
    parts = [];
    partBytes = 0;
  }
}
