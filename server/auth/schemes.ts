import type { Clock } from '../base/clock.ts';
import { anonymousScheme } from './anonymous.ts';
import { createBasicScheme } from './basic.ts';
import { type Chain, type Scheme, createChain } from './chain.ts';
import type { AuthConfig } from './config.ts';

/** The chain that a configuration describes. */
export function chainOf(config: AuthConfig, clock: Clock): Chain {
  const make: Record<AuthConfig['schemes'][number], () => Scheme> = {
    basic: () => createBasicScheme(config.basic.users, clock),
    anonymous: () => anonymousScheme,
  };
  return createChain(config.schemes.map((name) => make[name]()));
}
