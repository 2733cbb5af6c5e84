/** What people should know of this server though it works, beyond what its store has to say. */
import type { Logger } from './base/logger.ts';
import { type Config, ConfigError } from './config.ts';
import { isLoopback } from './listening.ts';

export interface NoticesDeps {
  /** The audit log; undefined where there is none. */
  auditFile: { readonly fault: string | undefined } | undefined;
  logger: Logger;
}

const ANONYMOUS =
  'whoever reaches this server is let in without credentials: auth.schemes has anonymous, and auth.allowAnonymousFromNetwork is set';

/**
 * Says at once in the log what will not change. Throws ConfigError where others
 * could come from the network without credentials and nobody has said that they may.
 * @returns a line for each
 */
export function noticesOf(config: Config, { auditFile, logger }: NoticesDeps): () => string[] {
  const isOpen = isOpenToNetwork(config);
  if (isOpen) logger.warn({ host: config.host }, ANONYMOUS);
  return () => [
    ...(isOpen ? [ANONYMOUS] : []),
    // Only operators need to know why; the log has it.
    ...(auditFile?.fault === undefined ? [] : ['the audit log cannot be written']),
  ];
}

function isOpenToNetwork({ auth, host, trustedProxies }: Config): boolean {
  const isReached = !isLoopback(host) || trustedProxies.length > 0;
  if (!auth.schemes.includes('anonymous') || !isReached) return false;
  if (auth.allowAnonymousFromNetwork) return true;
  const how = isLoopback(host) ? 'trustedProxies bring calls from elsewhere' : `host is ${host}`;
  throw new ConfigError(
    `auth.schemes: anonymous is for a loopback address, and ${how}: whoever reaches it would be let in without credentials; to want that, set auth.allowAnonymousFromNetwork to true`,
  );
}
