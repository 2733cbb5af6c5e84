import {
  type AccessKeyInfo,
  type CreateKeyResponse,
  type CreateTokenResponse,
  KeyServiceService,
} from '@armada-ts/api/armada/auth/v1/keys';
import { renewedToken } from '@armada-ts/api/servers/renewed-token';
import { bearer, type BearerAuthorization } from './bearer.ts';
import { type CallOptions, connect, type Connection, type ConnectOptions } from './connect.ts';
import { callRepeatedly } from './retry.ts';

export type { AccessKeyInfo, CreateKeyResponse, CreateTokenResponse };

/** An access key with its secret, as it was told when it was made. */
export interface AccessKeyPair {
  accessKey: string;
  secret: string;
}

/** Makes a key for whoever calls; the secret in the answer is told this once. */
export async function createAccessKey(
  connection: Connection,
  description: string,
  options?: CallOptions,
): Promise<CreateKeyResponse> {
  return connection.call(KeyServiceService.createKey, { description }, options);
}

/** The keys of whoever calls, or of somebody else for an operator. */
export async function listAccessKeys(
  connection: Connection,
  owner = '',
  options?: CallOptions,
): Promise<AccessKeyInfo[]> {
  return (await callRepeatedly(connection, KeyServiceService.listKeys, { owner }, options)).keys;
}

/** Takes a key out of use, with all tokens that it was exchanged for, or back into use. */
export async function setAccessKeyDisabled(
  connection: Connection,
  request: { id: string; disabled: boolean },
  options?: CallOptions,
): Promise<void> {
  await callRepeatedly(connection, KeyServiceService.setKeyDisabled, request, options);
}

export async function deleteAccessKey(
  connection: Connection,
  id: string,
  options?: CallOptions,
): Promise<void> {
  await connection.call(KeyServiceService.deleteKey, { id }, options);
}

/** Exchanges a pair for a token; the connection needs no other credentials. */
export async function exchangeAccessKey(
  connection: Connection,
  pair: AccessKeyPair,
  options?: CallOptions,
): Promise<CreateTokenResponse> {
  return callRepeatedly(connection, KeyServiceService.createToken, pair, options);
}

/**
 * For `authorization` of `connect`: a token for the pair, exchanged when it is
 * first needed, again before it ends, and when one was refused. Servers of one Armada take the tokens
 * of each other.
 * @param reach how to reach the server, as the connection itself does
 */
export function accessKeyAuthorization(
  pair: AccessKeyPair,
  reach: Pick<ConnectOptions, 'tls' | 'forceNoTls'> = {},
): BearerAuthorization<[address: string]> {
  const tokens = renewedToken(async (address: string) => {
    using connection = connect({ ...reach, address });
    return (await exchangeAccessKey(connection, pair)).token;
  });
  return bearer(
    (address: string) => tokens.current(address),
    (token) => tokens.drop(token),
  );
}
