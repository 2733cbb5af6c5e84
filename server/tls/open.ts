/** Certificates of ports, from where the configuration says. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { givenAuthorities } from './authorities.ts';
import { givenCertificate, type GivenFile } from './given-certificate.ts';
import type { KeyedCertificate } from './certificate.ts';
import { isRunningOut, keptCertificate } from './kept-certificate.ts';
import { type LiveTls, openLiveTls } from './live-tls.ts';
import { followRevocations, type Revocations } from './revocation.ts';

/** Who vouches for certificates of clients, and where it says what it has taken back. */
export interface TrustedClients {
  authorities: GivenFile;
  revoked: GivenFile | undefined;
}

/** What a pair of ports shows, and what it asks of clients. */
export interface TlsSources {
  /** Files that were given, or where the server makes and keeps a certificate for these names. */
  shown: { certificate: GivenFile; key: GivenFile } | { directory: string; names: readonly string[] };
  clients: (TrustedClients & { isRequired: boolean }) | undefined;
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
  const read = clients?.revoked && followRevocations(clients.revoked);
  let told = '';
  const revocations = async (authorities: string): Promise<Revocations | undefined> => {
    const found = await read?.(authorities);
    const remarks = found?.remarks(clock.now()).join('; ') ?? '';
    // Refusing everybody because of it would be worse than what may be missing.
    if (remarks !== '' && remarks !== told)
      logger.warn(
        { file: clients?.revoked?.path, remarks },
        'lists of revoked certificates want looking after',
      );
    told = remarks;
    return found;
  };
  return openLiveTls({
    isClientRequired: clients?.isRequired ?? false,
    clock,
    logger,
    read: async (before) => {
      const keyed = await certificate(before);
      const clientAuthorities = clients && (await givenAuthorities(clients.authorities));
      const own = clients && ownAuthority?.();
      const trusted = own === undefined ? clientAuthorities : `${clientAuthorities}${own}`;
      return { ...keyed, clientAuthorities: trusted, revoked: await revocations(trusted ?? '') };
    },
  });
}
