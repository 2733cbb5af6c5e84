/**
 * What listeners show and whom they trust, kept up with what is in its files.
 * Connections that are open stay as they are, but for those whose clients are
 * trusted no longer.
 */
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { keepLooking, LOOK_MS } from '../base/looking.ts';
import type { KeyedCertificate } from './certificate.ts';
import { createClientConnections } from './client-connections.ts';
import type { Revocations } from './revocation.ts';

/** All as PEM. */
export interface TlsMaterial extends KeyedCertificate {
  /** Who vouches for clients; undefined when clients are not asked for certificates. */
  clientAuthorities: string | undefined;
  /** What they have taken back; undefined when nobody is asked. */
  revoked: Revocations | undefined;
}

export interface LiveTls {
  /** Whether clients need certificates that are good; one that is shown must be. */
  readonly isClientRequired: boolean;
  current(): TlsMaterial;
  /** Whether a connection may go on that has shaken hands; ends it later when it may no longer. */
  admit(socket: TLSSocket): boolean;
  /** Calls back when it has changed. Returns the way out. */
  subscribe(listener: () => void): () => void;
}

export interface LiveTlsDeps {
  /** Rejects with a text for people when what there is cannot be used. */
  read: (before: TlsMaterial | undefined) => Promise<TlsMaterial>;
  isClientRequired: boolean;
  clock: Pick<Clock, 'now'>;
  logger: Logger;
}

/** Rejects with what `read` does the first time; after that, what was good stays. */
export async function openLiveTls(deps: LiveTlsDeps): Promise<LiveTls & AsyncDisposable> {
  const { read, isClientRequired, clock, logger } = deps;
  const listeners = new Set<() => void>();
  const connections = createClientConnections();
  let current = await read(undefined);
  const tell = (ended: number): void => {
    if (ended > 0)
      logger.info({ connections: ended }, 'clients whose certificates count no longer were let go');
  };
  const look = async (): Promise<void> => {
    // A little before: a client with a new certificate comes again, and no call of it is refused.
    tell(connections.endBefore(clock.now() + 2 * LOOK_MS));
    const next = await read(current);
    if (isSame(next, current)) return;
    const { clientAuthorities, revoked } = current;
    current = next;
    logger.info(described(next), 'certificates have changed, and count from now on');
    // First, so that nobody comes back by what was agreed on before.
    for (const listener of listeners) listener();
    if (clientAuthorities === next.clientAuthorities && revoked === next.revoked) return;
    tell(connections.judge(next));
  };
  const looking = keepLooking({
    look,
    onFault: (fault) => logger.warn({ fault }, 'certificates cannot be read again; the old ones stay'),
  });
  return {
    isClientRequired,
    current: () => current,
    admit: (socket) => connections.admit(socket, current),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    [Symbol.asyncDispose]: () => looking[Symbol.asyncDispose](),
  };
}

function isSame(one: TlsMaterial, other: TlsMaterial): boolean {
  return (
    one.certificate === other.certificate &&
    one.key === other.key &&
    one.clientAuthorities === other.clientAuthorities &&
    one.revoked === other.revoked
  );
}

function described({ certificate }: TlsMaterial): object {
  const { fingerprint256, validTo } = new X509Certificate(certificate);
  return { fingerprint: fingerprint256, validTo };
}
