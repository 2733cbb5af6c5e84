/**
 * Which executors somebody may be. The permission to execute jobs alone would let
 * the credentials of one cluster lease the jobs of all others, and report on them.
 */
import { z } from 'zod';
import { fitsAny } from '@armada-ts/api/policy/name-pattern';
import { isInGroup, type Principal } from './principal.ts';

const names = z.array(z.string().min(1));

export const executorBindingsSchema = z.array(
  z.strictObject({
    users: names.default([]),
    groups: names.default([]),
    executors: names.min(1, 'must name the executors'),
  }),
);

export type ExecutorBindings = z.output<typeof executorBindingsSchema>;

/**
 * Whether the principal may be the executor of this id: by a binding that names
 * them or, where none does, when their names are the same. Anybody may be any
 * where nothing is bound.
 */
export function isBoundTo(
  bindings: ExecutorBindings | undefined,
  principal: Principal,
  executorId: string,
): boolean {
  if (!bindings) return true;
  const own = bindings.filter(
    ({ users, groups }) =>
      users.includes(principal.name) || groups.some((group) => isInGroup(principal, group)),
  );
  if (own.length === 0) return executorId === principal.name;
  return own.some(({ executors }) => fitsAny(executors, executorId));
}
