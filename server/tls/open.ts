/** Certificates of ports, from where the configuration says. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { givenAuthorities, givenCertificate, type GivenFile } from './given-certificate.ts';
import type { KeyedCertificate } from './certificate.ts';
import { isRunningOut, keptCertificate } from './kept-certificate.ts';
import { type LiveTls, openLiveTls } from './live-tls.ts';

/** What a pair of ports shows, and what it asks of clients. */
export interface TlsSources {
  /** Files that were given, or where the server makes and keeps a certificate for these names. */
  shown: { certificate: GivenFile; key: GivenFile } | { directory: string; names: readonly string[] };
  clients: { authorities: GivenFile; isRequired: boolean } | undefined;
  /** Another authority whose certificates are taken too, as PEM: by it the other servers are known. */
  ownAuthority?: (() => string | undefined) | undefined;
}

/** Rejects with INVALID_REQUEST for files that cannot be used, UNAVAILABLE for a directory that cannot. */
export function openTls(
  { shown, clients, ownAuthority }: TlsSources,
  { clock, logger }: { clock: Clock; logger: Logger },
): Promise<LiveTls & AsyncDisposable> {
  const certificate = async (before: KeyedCertificate | undefined): Promise<KeyedCertificate> => {
    if ('certificate' in shown) return await givenCertificate(shown);
    const nowMs = clock.now();
    // Another server may have put its own in the directory since, for other names.
    if (before && !isRunningOut(before, nowMs)) return { certificate: before.certificate, key: before.key };
    return await keptCertificate({ ...shown, nowMs });
  };
  return openLiveTls({
    isClientRequired: clients?.isRequired ?? false,
    logger,
    read: async (before) => {
      const keyed = await certificate(before);
      const clientAuthorities = clients && (await givenAuthorities(clients.authorities));
      const own = clients && ownAuthority?.();
      return {
        ...keyed,
        clientAuthorities: own === undefined ? clientAuthorities : `${clientAuthorities}${own}`,
      };
    },
  });
}
