import { type GetKeyringResponse, KeyringServiceService } from '@armada-ts/api/armada/operator/v1/keyring';
import type { CallOptions, Connection } from './connect.ts';
import { callRepeatedly } from './retry.ts';

export type { GetKeyringResponse };

/** The keys that tokens are signed with, and how many servers have each. By the operator port, as all here. */
export async function getKeyring(connection: Connection, options?: CallOptions): Promise<GetKeyringResponse> {
  return callRepeatedly(connection, KeyringServiceService.getKeyring, {}, options);
}

/** Adds a key of 32 bytes, or one that the server makes when it is left out, and gives its id. */
export async function installSigningKey(
  connection: Connection,
  key: Uint8Array = new Uint8Array(),
  options?: CallOptions,
): Promise<string> {
  const request = { key: Buffer.from(key) };
  return (await connection.call(KeyringServiceService.installKey, request, options)).id;
}

/** Has tokens signed with this key from now on. */
export async function useSigningKey(
  connection: Connection,
  id: string,
  options?: CallOptions,
): Promise<void> {
  await callRepeatedly(connection, KeyringServiceService.useKey, { id }, options);
}

/** Removes a key; by force also while tokens are good that it has signed. */
export async function removeSigningKey(
  connection: Connection,
  request: { id: string; force: boolean },
  options?: CallOptions,
): Promise<void> {
  await connection.call(KeyringServiceService.removeKey, request, options);
}
