import type { Scheme } from './chain.ts';
import type { Principal } from './principal.ts';

const ANONYMOUS: Principal = { name: 'anonymous', groups: [], scopes: [], scheme: 'anonymous' };

/** Lets in calls without credentials, and only those. What they may do is up to the permissions of `everyone`. */
export const anonymousScheme: Scheme = {
  name: 'anonymous',
  challenge: undefined,
  authenticate: (authorization) => (authorization === undefined ? ANONYMOUS : undefined),
};
