import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { anonymousScheme } from './anonymous.ts';
import { createBasicScheme } from './basic.ts';
import { type Chain, type Scheme, createChain } from './chain.ts';
import type { AuthConfig } from './config.ts';
import { openKerberos } from './kerberos/open.ts';
import type { Keys } from './keys/open.ts';
import { openKubernetes } from './kubernetes/open.ts';
import { openMtls } from './mtls/scheme.ts';
import { openOidc } from './oidc/open.ts';
import { operatorTokenScheme } from './operator-token.ts';
import { openUsers } from './users-file.ts';
import { type UserSource, usersOf } from './users.ts';

/** Who is let in on each port. */
export interface Chains {
  /** For those who use the server, as the configuration describes it. */
  users: Chain;
  /** For the operator port: the same without anonymous, and the first credential if there is one. */
  operators: Chain;
}

type AccessKeyParts = Pick<Keys, 'scheme' | 'owners'>;

/** Schemes with parts of their own, which must be started first. */
interface StartedSchemes {
  /** Users of basic; those of the configuration when left out. */
  users?: UserSource | undefined;
  keys?: AccessKeyParts | undefined;
  kerberos?: Scheme | undefined;
  kubernetes?: Scheme | undefined;
  oidc?: Scheme | undefined;
  mtls?: Scheme | undefined;
}

/**
 * Starts what the configured schemes are made of, and chains them. What was
 * started is let go of with the chains. Rejects with INVALID_REQUEST when a
 * scheme cannot be used as it is configured.
 * @param operatorToken the first credential of operators; undefined when it is not to be taken
 * @param keys the scheme of tokens for access keys, whose users the other schemes know; undefined where it is not configured
 */
export async function openChains(
  config: AuthConfig,
  tools: { clock: Clock; logger: Logger },
  operatorToken: (() => string) | undefined,
  keys: AccessKeyParts | undefined,
): Promise<Chains & AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  const kerberos = await openKerberos(config, tools);
  if (kerberos) opened.use(kerberos);
  const kubernetes = await openKubernetes(config, tools);
  if (kubernetes) opened.use(kubernetes);
  const users = await openUsers(config, tools);
  if (users) opened.use(users);
  const chains = chainsOf(config, tools.clock, operatorToken, {
    users: users?.current,
    keys,
    kerberos,
    kubernetes,
    oidc: await openOidc(config, tools),
    mtls: await openMtls(config, tools.clock),
  });
  const held = opened.move();
  return { ...chains, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/**
 * @param token the first credential of operators; undefined when it is not to be taken
 * @param started those of the configuration that are to be started, see open.ts of their folders
 */
export function chainsOf(
  config: AuthConfig,
  clock: Clock,
  token: (() => string) | undefined,
  started: StartedSchemes = {},
): Chains {
  const make: Record<AuthConfig['schemes'][number], () => Scheme> = {
    basic: () => {
      const users = usersOf(config.basic.users);
      return createBasicScheme(started.users ?? (() => users), clock);
    },
    oidc: () => known(started.oidc, 'oidc'),
    kerberos: () => known(started.kerberos, 'kerberos'),
    kubernetes: () => known(started.kubernetes, 'kubernetes'),
    mtls: () => known(started.mtls, 'mtls'),
    token: () => known(started.keys?.scheme, 'token'),
    anonymous: () => anonymousScheme,
  };
  // Both share what a scheme remembers, and its bounds.
  const named = config.schemes.map((name) => make[name]());
  const forSomebody = named.filter((scheme) => scheme !== anonymousScheme);
  // Last, wherever it stands: who shows a certificate is not anonymous either.
  const schemes = [...forSomebody, ...named.filter((scheme) => scheme === anonymousScheme)];
  started.keys?.owners.askOf(schemes);
  const first = token === undefined ? [] : [operatorTokenScheme(token)];
  return {
    users: createChain(schemes),
    operators: createChain([...first, ...forSomebody]),
  };
}

function known(scheme: Scheme | undefined, name: string): Scheme {
  if (scheme === undefined) throw new TypeError(`the scheme ${name} was not started`);
  return scheme;
}
