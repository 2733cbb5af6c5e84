import type { Clock } from '../base/clock.ts';
import { anonymousScheme } from './anonymous.ts';
import { createBasicScheme } from './basic.ts';
import { type Chain, type Scheme, createChain } from './chain.ts';
import type { AuthConfig } from './config.ts';
import { operatorTokenScheme } from './operator-token.ts';
import { type UserSource, usersOf } from './users.ts';

/** Who is let in on each port. */
export interface Chains {
  /** For those who use the server, as the configuration describes it. */
  users: Chain;
  /** For the operator port: the same without anonymous, and the first credential if there is one. */
  operators: Chain;
}

/** Schemes with parts of their own, which must be started first. */
export interface StartedSchemes {
  /** Users of basic; those of the configuration when left out. */
  users?: UserSource | undefined;
  token?: Scheme | undefined;
  kerberos?: Scheme | undefined;
  oidc?: Scheme | undefined;
  mtls?: Scheme | undefined;
}

/**
 * @param token the first credential of operators; undefined when it is not to be taken
 * @param started those of the configuration that are to be started, see open.ts of their folders
 */
export function chainsOf(
  config: AuthConfig,
  clock: Clock,
  token: string | undefined,
  started: StartedSchemes = {},
): Chains {
  const make: Record<AuthConfig['schemes'][number], () => Scheme> = {
    basic: () => {
      const users = usersOf(config.basic.users);
      return createBasicScheme(started.users ?? (() => users), clock);
    },
    oidc: () => known(started.oidc, 'oidc'),
    kerberos: () => known(started.kerberos, 'kerberos'),
    mtls: () => known(started.mtls, 'mtls'),
    token: () => known(started.token, 'token'),
    anonymous: () => anonymousScheme,
  };
  // Both share what a scheme remembers, and its bounds.
  const schemes = config.schemes.map((name) => make[name]());
  const first = token === undefined ? [] : [operatorTokenScheme(token)];
  return {
    users: createChain(schemes),
    operators: createChain([...first, ...schemes.filter((scheme) => scheme !== anonymousScheme)]),
  };
}

function known(scheme: Scheme | undefined, name: string): Scheme {
  if (scheme === undefined) throw new TypeError(`the scheme ${name} was not started`);
  return scheme;
}
