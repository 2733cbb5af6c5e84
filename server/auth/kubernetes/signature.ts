/**
 * The signature of a token, proven before anybody is asked about it: so what
 * people make up, or have from other clusters and providers, never leaves this
 * server, and costs the API server nothing.
 */
import { compactVerify } from 'jose';
import { ArmadaError } from '../../base/errors.ts';
import type { ProviderKeys } from '../oidc/provider-keys.ts';

/** Those that API servers sign with, or have signed with elsewhere. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'];

/** Throws UNAUTHENTICATED when the cluster has not signed the token, UNAVAILABLE when that cannot be known. */
export async function demandSigned(token: string, keys: ProviderKeys): Promise<void> {
  try {
    await compactVerify(token, (header) => keys.find(header, header.kid ?? ''), { algorithms: ALGORITHMS });
  } catch (error) {
    if (error instanceof ArmadaError) throw error;
    throw new ArmadaError('UNAUTHENTICATED', 'the token is not signed by the Kubernetes cluster');
  }
}
