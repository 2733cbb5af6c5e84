/** Who makes a call, as the scheme that accepted their credentials says. */
export interface Principal {
  name: string;
  /** Without `everyone`, which all are in; see isInGroup. */
  groups: readonly string[];
  /** What a token was issued for; empty with schemes that have none. */
  scopes: readonly string[];
  /** Values of the claims that permissions are given for; left out with schemes that have none. */
  claims?: ReadonlyMap<string, readonly string[]>;
  /** Scheme that named the principal, for the log. */
  scheme: string;
  /** When what they showed ends by itself, by the wall clock; left out where it does not, or does not say. */
  expiresMs?: number;
}

/** The group that every principal is in. */
export const EVERYONE = 'everyone';

/** Whether the principal is in the group. */
export function isInGroup(principal: Principal, group: string): boolean {
  return group === EVERYONE || principal.groups.includes(group);
}

/** Whether the principal has one of these values for the claim. */
export function hasClaim(principal: Principal, claim: string, values: readonly string[]): boolean {
  return principal.claims?.get(claim)?.some((value) => values.includes(value)) ?? false;
}
