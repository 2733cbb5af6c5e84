import {
  type AccessKeyInfo,
  type CreateKeyResponse,
  type CreateTokenResponse,
  KeyServiceService,
} from '@armada-ts/api/armada/auth/v1/keys';
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

/** A token is exchanged again when less than this part of its time is left. */
const RENEW_RATIO = 0.2;

/**
 * For `authorization` of `connect`: a token for the pair, exchanged when it is
 * first needed and again before it ends. Servers of one Armada take the tokens
 * of each other.
 * @param reach how to reach the server, as the connection itself does
 */
export function accessKeyAuthorization(
  pair: AccessKeyPair,
  reach: Pick<ConnectOptions, 'tls' | 'forceNoTls'> = {},
): (address: string) => Promise<string> {
  let renewAtMs = 0;
  let current: Promise<string> | undefined;
  const exchange = async (address: string): Promise<string> => {
    const askedAtMs = performance.now();
    using connection = connect({ ...reach, address });
    const { token } = await exchangeAccessKey(connection, pair);
    renewAtMs = askedAtMs + lifetimeMs(token) * (1 - RENEW_RATIO);
    return `Bearer ${token}`;
  };
  return (address) => {
    if (current && performance.now() < renewAtMs) return current;
    // Calls that come meanwhile wait for the same answer.
    renewAtMs = Number.POSITIVE_INFINITY;
    const asked = exchange(address);
    current = asked;
    asked.catch(() => {
      if (current === asked) current = undefined;
    });
    return asked;
  };
}

/** By the server's clock from beginning to end: that of this machine may be another. */
function lifetimeMs(token: string): number {
  const [, claims = ''] = token.split('.');
  const { iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
    iat: number;
    exp: number;
  };
  return (exp - iat) * 1000;
}
