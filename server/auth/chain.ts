/**
 * Who are you: the configured schemes in their order, each looking at the
 * `authorization` values of a call. The first that knows the kind of credential
 * decides; wrong credentials end the call, so that they never turn into
 * somebody else further down, least of all into anonymous.
 */
import { ArmadaError } from '../base/errors.ts';
import type { Principal } from './principal.ts';

/** Where a call comes from, apart from what it says of itself. */
export interface Caller {
  /** Address and port of the client; empty when it is not known. */
  readonly peer: string;
  /** The certificate that the client has shown and proven, in DER form; undefined without one. */
  readonly certificate: Buffer | undefined;
  /** Set by a scheme that has something to say back: a value of WWW-Authenticate, for the answer to a call taken or refused. */
  reply?: string;
}

/** One way to say who you are. */
export interface Scheme {
  readonly name: string;
  /** Value of WWW-Authenticate that asks for such credentials, if there is one. */
  readonly challenge: string | undefined;
  /**
   * The principal, or undefined when the credentials are of another kind.
   * Throws UNAUTHENTICATED when they are of this kind and wrong, OVERLOADED
   * when they cannot be checked now.
   * @param authorization undefined when the call carries no credentials
   */
  authenticate(
    authorization: string | undefined,
    caller: Caller,
  ): Promise<Principal | undefined> | Principal | undefined;
  /**
   * Why a principal that this scheme named is to be believed no longer;
   * undefined while it is. Asked every few seconds of whoever has a stream open,
   * so it answers at once. Left out where what was right stays right.
   */
  recheck?(principal: Principal): ArmadaError | undefined;
  /**
   * Whom it would name this way now, for programs that act for them; undefined
   * when nobody. Left out where it knows nobody but who comes. Throws UNAVAILABLE
   * when it cannot tell.
   */
  lookUp?(name: string): Promise<Principal | undefined> | Principal | undefined;
}

export interface Chain {
  /** Names of the schemes, in their order. */
  readonly schemes: readonly string[];
  /** Values of WWW-Authenticate for an answer that says UNAUTHENTICATED. */
  readonly challenges: readonly string[];
  /** Names the caller of a call that carries these `authorization` values. Throws UNAUTHENTICATED or OVERLOADED. */
  authenticate(authorizations: readonly string[], caller: Caller): Promise<Principal>;
  /** Why a principal that it named is to be believed no longer; undefined while it is. */
  recheck(principal: Principal): ArmadaError | undefined;
}

export function createChain(schemes: readonly Scheme[]): Chain {
  const names = schemes.map((scheme) => scheme.name);
  return {
    schemes: names,
    // Several schemes may take bearer tokens.
    challenges: [...new Set(schemes.flatMap((scheme) => scheme.challenge ?? []))],
    async authenticate(authorizations, caller) {
      if (authorizations.length > 1) {
        throw new ArmadaError('UNAUTHENTICATED', 'a call must carry one authorization value, got several');
      }
      const authorization = authorizations[0];
      for (const scheme of schemes) {
        const principal = await scheme.authenticate(authorization, caller);
        if (principal !== undefined) return principal;
      }
      throw new ArmadaError(
        'UNAUTHENTICATED',
        authorization === undefined
          ? `credentials are needed; this server accepts: ${names.join(', ')}`
          : `the credentials are of no kind that this server accepts: ${names.join(', ')}`,
      );
    },
    recheck: (principal) => schemes.find(({ name }) => name === principal.scheme)?.recheck?.(principal),
  };
}

/** The credential after a scheme's name, which is compared as RFC 9110 says: without regard to case. */
export function credentialOf(authorization: string | undefined, scheme: string): string | undefined {
  if (authorization === undefined) return undefined;
  const space = authorization.indexOf(' ');
  const name = space < 0 ? authorization : authorization.slice(0, space);
  if (name.toLowerCase() !== scheme.toLowerCase()) return undefined;
  return space < 0 ? '' : authorization.slice(space + 1).trim();
}
