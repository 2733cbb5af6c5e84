/**
 * Service accounts of a Kubernetes cluster: programs in its pods show the token
 * that they have for this server, and the cluster's API server says whose it is.
 * Nothing in a token or beside it says where that is asked.
 */
import type { Clock } from '../../base/clock.ts';
import { ArmadaError } from '../../base/errors.ts';
import { type Scheme, credentialOf } from '../chain.ts';
import type { Principal } from '../principal.ts';
import { createAccountTokens } from './account-tokens.ts';
import { type AccountClaims, accountClaims, nativeToken } from './claims.ts';
import type { KubernetesConfig } from './config.ts';
import type { Review } from './api-server.ts';

const SCHEME = 'kubernetes';
/** Longer than what proxies and servers commonly take as a header. */
const MAX_LENGTH = 16 * 1024;

type Settings = Pick<
  KubernetesConfig,
  'audiences' | 'issuer' | 'userNameSuffix' | 'groupNameSuffix' | 'cacheMs'
>;

export interface KubernetesDeps {
  /** Throws UNAUTHENTICATED when the cluster has not signed the token, UNAVAILABLE when that cannot be known. */
  demandSigned: (token: string) => Promise<void>;
  /** Asks the API server about the token. Throws UNAVAILABLE. */
  review: (token: string) => Promise<Review>;
  clock: Clock;
}

export function createKubernetesScheme(
  config: Settings,
  { demandSigned, review, clock }: KubernetesDeps,
): Scheme {
  const tokens = createAccountTokens(async (token, claims) => holderOf(await review(token), claims, config), {
    cacheMs: config.cacheMs,
    clock,
  });

  async function learn(token: string, claims: AccountClaims, peer: string): Promise<Principal> {
    await demandSigned(token);
    return await tokens.learn(token, claims, peer);
  }

  return {
    name: SCHEME,
    challenge: 'Bearer realm="armada"',
    authenticate(authorization, { peer }) {
      const native = credentialOf(authorization, 'KubernetesAuth');
      const token = native === undefined ? credentialOf(authorization, 'Bearer') : nativeToken(native);
      if (token === undefined || token.length > MAX_LENGTH) return other(native);
      const known = tokens.known(token);
      if (known !== undefined) return known;
      const claims = accountClaims(token, config);
      return claims === undefined ? other(native) : learn(token, claims, peer);
    },
    recheck: (principal) => tokens.recheck(principal),
  };
}

/** Other schemes may know other bearer tokens; credentials of Armada's own form are for this one alone. */
function other(native: string | undefined): undefined {
  if (native === undefined) return undefined;
  throw new ArmadaError(
    'UNAUTHENTICATED',
    'the credentials hold no token of a service account that was made for this server',
  );
}

/** Undefined when the token is not good here: the API server has to name the very account that the token does. */
function holderOf(review: Review, claims: AccountClaims, config: Settings): Principal | undefined {
  const isForUs = review.audiences.some((audience) => config.audiences.includes(audience));
  if (!review.isAuthenticated || !isForUs || review.name !== claims.name) return undefined;
  return {
    name: claims.name + config.userNameSuffix,
    // Armada gives accounts their own name as a group, and permissions go to groups.
    groups: [review.name, ...review.groups].map((group) => group + config.groupNameSuffix),
    scopes: [],
    scheme: SCHEME,
    expiresMs: claims.expiresMs,
  };
}
