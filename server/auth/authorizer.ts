/**
 * May you: the one place that decides, asked by every method on every door.
 * A permission is global, granted to groups, scopes, claims and roles by the configuration, or
 * a verb on one queue, granted by that queue's owner.
 */
import type { Queue } from '@armada-ts/api/api/queue';
import { ArmadaError } from '../base/errors.ts';
import { shown } from '../model/names.ts';
import type { QueueVerb } from '../model/queue.ts';
import type { AuthConfig } from './config.ts';
import { isBoundTo } from './executor-bindings.ts';
import { hasOperatorToken } from './operator-token.ts';
import { PERMISSION_OF_VERB, type Permission } from './permissions.ts';
import { hasClaim, isInGroup, type Principal } from './principal.ts';
import { hasByRole } from './roles.ts';

export interface Authorizer {
  /** Whether the principal has a global permission. */
  may: (principal: Principal, permission: Permission) => boolean;
  /** Whether the principal may do this on the queue, by the queue or globally. */
  mayOnQueue(principal: Principal, queue: Queue, verb: QueueVerb): boolean;
  /** Throws PERMISSION_DENIED, saying what is lacking. */
  demand(principal: Principal, permission: Permission): void;
  /** Throws PERMISSION_DENIED, saying what is lacking and where. */
  demandOnQueue(principal: Principal, queue: Queue, verb: QueueVerb): void;
  /** Whether the principal may be this executor, if they may execute jobs. */
  mayBeExecutor: (principal: Principal, executorId: string) => boolean;
  /** Throws PERMISSION_DENIED, saying whom the principal may not be. */
  demandExecutor(principal: Principal, executorId: string): void;
}

export function createAuthorizer(
  config: Pick<AuthConfig, 'permissionGroupMapping' | 'permissionScopeMapping'> &
    Partial<Pick<AuthConfig, 'permissionClaimMapping' | 'roles' | 'executors'>>,
): Authorizer {
  const { permissionGroupMapping: groups, permissionScopeMapping: scopes } = config;
  const { permissionClaimMapping: claims = {}, roles = {} } = config;
  const may: Authorizer['may'] = (principal, permission) =>
    (groups[permission] ?? []).some((group) => isInGroup(principal, group)) ||
    (scopes[permission] ?? []).some((scope) => principal.scopes.includes(scope)) ||
    Object.entries(claims[permission] ?? {}).some(([claim, values]) => hasClaim(principal, claim, values)) ||
    hasByRole(roles, principal, permission);
  return authorizerOf(may, (principal, executorId) => isBoundTo(config.executors, principal, executorId));
}

/** The same on the operator port, where whoever has the first credential may operate too. */
export function withOperators({ may, mayBeExecutor }: Authorizer): Authorizer {
  return authorizerOf(
    (principal, permission) =>
      may(principal, permission) || (permission === 'operate' && hasOperatorToken(principal)),
    mayBeExecutor,
  );
}

function authorizerOf(may: Authorizer['may'], mayBeExecutor: Authorizer['mayBeExecutor']): Authorizer {
  const mayOnQueue: Authorizer['mayOnQueue'] = (principal, queue, verb) =>
    may(principal, PERMISSION_OF_VERB[verb]) || isGranted(principal, queue, verb);
  return {
    may,
    mayOnQueue,
    mayBeExecutor,
    demand(principal, permission) {
      if (may(principal, permission)) return;
      throw new ArmadaError(
        'PERMISSION_DENIED',
        `user "${principal.name}" lacks the permission ${permission}`,
      );
    },
    demandOnQueue(principal, queue, verb) {
      if (mayOnQueue(principal, queue, verb)) return;
      throw new ArmadaError(
        'PERMISSION_DENIED',
        `user "${principal.name}" may not ${verb} on queue "${queue.name}": ` +
          `neither does the queue grant the verb ${verb} nor has the user the permission ${PERMISSION_OF_VERB[verb]}`,
      );
    },
    demandExecutor(principal, executorId) {
      if (mayBeExecutor(principal, executorId)) return;
      throw new ArmadaError(
        'PERMISSION_DENIED',
        `user "${principal.name}" may not be the executor ${shown(executorId)}; auth.executors says which they may be`,
      );
    },
  };
}

/** By an entry of the queue, or as its owner. */
function isGranted(principal: Principal, queue: Queue, verb: QueueVerb): boolean {
  if (queue.userOwners.includes(principal.name)) return true;
  if (queue.groupOwners.some((group) => isInGroup(principal, group))) return true;
  return queue.permissions.some(
    (entry) =>
      entry.verbs.includes(verb) &&
      entry.subjects.some(
        ({ kind, name }) =>
          (kind === 'User' && name === principal.name) || (kind === 'Group' && isInGroup(principal, name)),
      ),
  );
}
