/**
 * The operator port put together: a pair of listeners of its own, always with TLS,
 * where what steers a running server is offered, and nothing else. It has the
 * same door as the others, but lets in nobody without credentials.
 */
import type { LiveOperatorToken } from './auth/live-operator-token.ts';
import type { Clock } from './base/clock.ts';
import { createAdmission } from './door/admission.ts';
import type { Door } from './door/call.ts';
import type { Service } from './door/method.ts';
import { createHttpServer, type Page } from './gateway/http.ts';
import { addressOf, listening, namesOf } from './listening.ts';
import type { OperatorConfig } from './operator/config.ts';
import { openTokenFile } from './operator/token-file.ts';
import { createGrpcServer } from './grpc/server.ts';
import { withReflection } from './rpc/standard-services.ts';
import { authorityFileIn } from './tls/kept-certificate.ts';
import { openTls, type TlsSources, type TrustedClients } from './tls/open.ts';

export interface OperatorPortDeps {
  config: OperatorConfig;
  /** As of the other ports, but for who is let in. */
  door: Door;
  /** The first credential; undefined when it is not taken. */
  token: LiveOperatorToken | undefined;
  services: readonly Service[];
  pages: readonly Page[];
  /** Who vouches for the certificates of clients, which nobody has to have here; undefined when there are none. */
  trustedClients: TrustedClients | undefined;
  clock: Clock;
}

/** Where operators find everything. */
export interface OperatorPort {
  /** `host:port`, with TLS. */
  grpcAddress: string;
  httpsUrl: string;
  /** What clients are to trust; undefined when the certificate was given. */
  authorityFile: string | undefined;
  /** Holds the first credential; undefined when it is not taken. */
  tokenFile: string | undefined;
}

/** Requests of operators are small. */
const MAX_REQUEST_BYTES = 1024 * 1024;

/** Throws ConfigError when it cannot listen, INVALID_REQUEST for certificates that cannot be used, UNAVAILABLE for a directory that cannot. */
export async function openOperatorPort(deps: OperatorPortDeps): Promise<OperatorPort & AsyncDisposable> {
  const { config, door, services, pages, clock } = deps;
  await using opened = new AsyncDisposableStack();
  const names = namesOf(config.host, config.names);
  const tls = opened.use(await openTls(tlsSources(deps, names), { clock, logger: door.logger }));
  const tokenFile = deps.token && openTokenFile(config.directory, deps.token, door);
  if (tokenFile) opened.use(tokenFile);
  const shared = {
    door,
    // Not that of the other ports: who is to help a server that has too much to do must get through.
    admission: createAdmission({ lateMs: () => 0, clock, logger: door.logger }),
    maxRequestBytes: MAX_REQUEST_BYTES,
  };
  const grpc = createGrpcServer(withReflection(services), { ...shared, tls });
  const http = await createHttpServer({
    ...shared,
    host: config.host,
    allowedHosts: names,
    corsOrigins: [],
    services,
    pages,
    tls,
  });
  opened.defer(async () => {
    await Promise.all([grpc.close(), http.close()]);
  });
  const { host } = config;
  const grpcPort = await listening('operator.grpc.port', grpc.listen(host, config.grpc.port));
  const httpPort = await listening('operator.http.port', http.listen(host, config.http.port));
  const held = opened.move();
  return {
    grpcAddress: addressOf(host, grpcPort),
    httpsUrl: `https://${addressOf(host, httpPort)}`,
    authorityFile: config.tls ? undefined : authorityFileIn(config.directory),
    tokenFile: tokenFile?.path,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function tlsSources(
  { config: { tls, directory }, trustedClients }: OperatorPortDeps,
  names: readonly string[],
): TlsSources {
  const clients = trustedClients && { ...trustedClients, isRequired: false };
  if (!tls) return { shown: { directory, names }, clients };
  const certificate = { setting: 'operator.tls.certificateFile', path: tls.certificateFile };
  return { shown: { certificate, key: { setting: 'operator.tls.keyFile', path: tls.keyFile } }, clients };
}
