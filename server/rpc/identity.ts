import { IdentityServiceService } from '@armada-ts/api/armada/auth/v1/identity';
import { type IdentityDeps, identityOf } from '../auth/identity.ts';
import { type Methods, unary } from '../door/method.ts';

export const identityDefinition = IdentityServiceService;

/** armada.auth.v1.IdentityService: callers about themselves. */
export function identityService(deps: IdentityDeps): Methods {
  return {
    getIdentity: unary('authenticated', (_request, { principal }) => identityOf(deps, principal)),
  };
}
