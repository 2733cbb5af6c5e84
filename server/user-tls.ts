/** TLS on the ports of users, and what servers show each other there. */
import { tlsCredentials, TlsFault, type TlsFiles } from '@armada-ts/api/servers/tls-credentials';
import type { ChannelCredentials } from '@grpc/grpc-js';
import type { Clock } from './base/clock.ts';
import { invalidField } from './base/errors.ts';
import { readKeptFile } from './base/kept-file.ts';
import type { Logger } from './base/logger.ts';
import type { Config } from './config.ts';
import { isLoopback, namesOf } from './listening.ts';
import { authorityFileIn, serverFileIn } from './tls/kept-certificate.ts';
import type { LiveTls } from './tls/live-tls.ts';
import { openTls, type TlsSources, type TrustedClients } from './tls/open.ts';

type Settings = Pick<Config, 'tls' | 'host' | 'advertisedAddress'>;

/** Of a process that dials its own ports. */
export type OwnTls = TlsFiles & { insecure: true };

/** Undefined where these ports talk plainly. Rejects as openTls() does. */
export async function openUserTls(
  config: Settings,
  tools: { clock: Clock; logger: Logger },
): Promise<(LiveTls & AsyncDisposable) | undefined> {
  const { tls, host } = config;
  const shown = shownBy(config);
  if (!shown) {
    if (!isLoopback(host)) {
      const advice =
        'set tls.selfSigned, or tls.certificateFile and tls.keyFile, unless something before it talks TLS';
      tools.logger.warn({ host, advice }, 'without TLS whoever is on the way can read credentials');
    }
    return undefined;
  }
  const trusted = trustedClientsOf(config);
  const clients = trusted && { ...trusted, isRequired: tls.clients?.required ?? false };
  const ownAuthority = tls.selfSigned ? () => readKeptFile(authorityFileIn(tls.directory)) : undefined;
  return await openTls({ shown, clients, ownAuthority }, tools);
}

/** Who vouches for clients, on all ports; undefined when these are not asked for certificates. */
export function trustedClientsOf({ tls: { clients } }: Pick<Config, 'tls'>): TrustedClients | undefined {
  const revoked = clients?.revokedFile;
  return (
    clients && {
      authorities: { setting: 'tls.clients.authorityFile', path: clients.authorityFile },
      revoked: revoked === undefined ? undefined : { setting: 'tls.clients.revokedFile', path: revoked },
    }
  );
}

/** What clients of this server are to trust, when it is of the server's own making. */
export function ownAuthorityFile({ tls }: Pick<Config, 'tls'>): string | undefined {
  return tls.selfSigned ? authorityFileIn(tls.directory) : undefined;
}

/** How this server talks to the others of its store; undefined where that is plain. Throws INVALID_REQUEST. */
export function peerCredentials(config: Pick<Config, 'tls'>): ChannelCredentials | undefined {
  const files = peerFiles(config);
  try {
    return files && tlsCredentials(files);
  } catch (error) {
    if (!(error instanceof TlsFault)) throw error;
    throw invalidField('tls.authorityFile', `must hold certificates: ${error.message}`);
  }
}

/**
 * How a part of this process dials the ports of users. It need not be proven whom
 * it finds there, under an address that no certificate may be for.
 */
export function ownTls(config: Pick<Config, 'tls'>): OwnTls | undefined {
  const files = peerFiles(config);
  return files && { ...files, caFile: undefined, insecure: true };
}

function peerFiles({ tls }: Pick<Config, 'tls'>): TlsFiles | undefined {
  const { selfSigned, certificateFile, keyFile, directory } = tls;
  if (!selfSigned && certificateFile === undefined) return undefined;
  const caFile = tls.authorityFile ?? (selfSigned ? authorityFileIn(directory) : undefined);
  // Where nobody has to show one, a certificate that is not of the clients' authorities only does harm.
  if (!tls.clients?.required) return { caFile };
  const own = serverFileIn(directory);
  return selfSigned
    ? { caFile, certFile: own, keyFile: own }
    : { caFile, certFile: certificateFile, keyFile };
}

function shownBy({ tls, host, advertisedAddress }: Settings): TlsSources['shown'] | undefined {
  const { selfSigned, certificateFile, keyFile, directory, names } = tls;
  if (certificateFile !== undefined && keyFile !== undefined) {
    const certificate = { setting: 'tls.certificateFile', path: certificateFile };
    return { certificate, key: { setting: 'tls.keyFile', path: keyFile } };
  }
  if (!selfSigned) return undefined;
  const advertised = advertisedAddress?.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return { directory, names: namesOf(host, advertised === undefined ? names : [advertised, ...names]) };
}
