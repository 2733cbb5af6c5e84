import { followToken, TokenFileFault } from '@armada-ts/api/servers/token-file';
import type { Clock } from '../../base/clock.ts';
import { ArmadaError, invalidField } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { givenAuthorities } from '../../tls/authorities.ts';
import type { Scheme } from '../chain.ts';
import type { AuthConfig } from '../config.ts';
import { createProviderKeys } from '../oidc/provider-keys.ts';
import { type ApiServer, connectApiServer, type Review } from './api-server.ts';
import { createKubernetesScheme } from './scheme.ts';
import { demandSigned } from './signature.ts';

/**
 * The scheme; undefined when it is not configured. An API server that is away does
 * not keep a server from starting. Rejects with INVALID_REQUEST when the configuration
 * cannot be used.
 */
export async function openKubernetes(
  { schemes, kubernetes }: Pick<AuthConfig, 'schemes' | 'kubernetes'>,
  { clock, logger }: { clock: Clock; logger: Logger },
): Promise<(Scheme & Disposable) | undefined> {
  if (!schemes.includes('kubernetes')) return undefined;
  if (kubernetes === undefined)
    throw invalidField('auth.kubernetes', 'must say for whom tokens are made, as { audiences: [armada] }');
  // They are read again whenever they change; a start without them would be in vain.
  await givenAuthorities({ setting: 'auth.kubernetes.authorityFile', path: kubernetes.authorityFile });
  const apiServer = connectApiServer(kubernetes, openToken(kubernetes.tokenFile));
  const keys = createProviderKeys(kubernetes.server, { readSet: () => apiServer.keys(), clock, logger });
  // Read ahead of the first call.
  keys.has('');
  const scheme = createKubernetesScheme(kubernetes, {
    demandSigned: (token) => demandSigned(token, keys),
    review: watched(apiServer, logger),
    clock,
  });
  return { ...scheme, [Symbol.dispose]: () => apiServer[Symbol.dispose]() };
}

function openToken(path: string): () => string {
  try {
    return followToken(path);
  } catch (error) {
    if (!(error instanceof TokenFileFault)) throw error;
    throw invalidField('auth.kubernetes.tokenFile', `must name a file with a token: ${error.message}`);
  }
}

/** Says in the log when there are no answers, and when there are again: not for each question. */
function watched(apiServer: ApiServer, logger: Logger): (token: string) => Promise<Review> {
  let isAway = false;
  return async (token) => {
    try {
      const review = await apiServer.review(token);
      if (isAway) logger.info({}, 'the Kubernetes API server answers again');
      isAway = false;
      return review;
    } catch (error) {
      if (!isAway) logger.warn({ err: error }, 'the Kubernetes API server does not say whose tokens are');
      isAway = true;
      throw new ArmadaError('UNAVAILABLE', 'the Kubernetes API server does not say whose the token is', {
        retryAfterMs: 1000,
        cause: error,
      });
    }
  };
}
