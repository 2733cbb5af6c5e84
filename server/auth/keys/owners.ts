/**
 * Users of access keys as they are now. A key outlasts the moment in which it was
 * made: the scheme that its user had come with is asked who that is today, where
 * it can tell; of others the key itself says what they were.
 */
import { ArmadaError } from '../../base/errors.ts';
import type { Scheme } from '../chain.ts';
import type { Principal } from '../principal.ts';
import type { HeldKey } from './held-keys.ts';

export interface KeyOwners {
  /** Whom to ask, as soon as they are there; until then no user is known. */
  askOf(schemes: readonly Scheme[]): void;
  /** As their own scheme names them. Throws UNAUTHENTICATED for who is nobody any more, UNAVAILABLE when it cannot be known. */
  of(held: HeldKey): Promise<Principal>;
  /** Why that is so no longer; undefined while it is. */
  recheck(owner: Principal): ArmadaError | undefined;
}

export function createKeyOwners(): KeyOwners {
  let schemes: ReadonlyMap<string, Scheme> = new Map();
  return {
    askOf(all) {
      schemes = new Map(all.map((scheme) => [scheme.name, scheme]));
    },
    async of({ owner: name, key }) {
      const kept = { name, groups: key.groups, scopes: key.scopes, scheme: key.scheme };
      // Made by a server that did not keep how its user had come.
      if (key.scheme === '') return kept;
      const scheme = schemes.get(key.scheme);
      if (!scheme) throw unknown(`nobody comes with the scheme ${key.scheme} here`);
      if (!scheme.lookUp) return kept;
      const found = await scheme.lookUp(name);
      if (!found) throw unknown('they are not among the users any more');
      return found;
    },
    recheck(owner) {
      const scheme = schemes.get(owner.scheme);
      return scheme?.lookUp ? scheme.recheck?.(owner) : undefined;
    },
  };
}

function unknown(why: string): ArmadaError {
  return new ArmadaError('UNAUTHENTICATED', `the user of the access key is not known: ${why}`);
}
