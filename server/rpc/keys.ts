import {
  type AccessKeyInfo,
  type CreateKeyRequest,
  type CreateTokenRequest,
  type DeleteKeyRequest,
  type GetTokenRequest,
  KeyQueryServiceService,
  KeyServiceService,
  type ListKeysRequest,
  type SetKeyDisabledRequest,
} from '@armada-ts/api/armada/auth/v1/keys';
import type { Timestamp } from '@armada-ts/api/google/protobuf/timestamp';
import {
  type AccessKeyDeps,
  createKey,
  deleteKey,
  keyOfPair,
  listKeys,
  setKeyDisabled,
} from '../auth/keys/access-keys.ts';
import type { HeldKey } from '../auth/keys/held-keys.ts';
import { issueToken } from '../auth/keys/token.ts';
import { type Methods, unary } from '../door/method.ts';
import { timestampOf } from '../model/instant.ts';

export const keyDefinition = KeyServiceService;
export const keyQueryDefinition = KeyQueryServiceService;

export interface KeyServiceDeps extends AccessKeyDeps {
  /** How long tokens are good. */
  validMs: number;
}

/** armada.auth.v1.KeyService: access keys, and the tokens that they are exchanged for. */
export function keyService(deps: KeyServiceDeps): Methods {
  return {
    createKey: unary('authenticated', async ({ description }: CreateKeyRequest, { principal }) => {
      const { secret, ...made } = await createKey(deps, principal, description);
      return { key: infoOf(made), secret };
    }),
    listKeys: unary('authenticated', ({ owner }: ListKeysRequest, { principal }) => ({
      keys: listKeys(deps, principal, owner).map(infoOf),
    })),
    setKeyDisabled: unary('authenticated', async (request: SetKeyDisabledRequest, { principal }) => ({
      key: infoOf(await setKeyDisabled(deps, principal, request)),
    })),
    deleteKey: unary('authenticated', async ({ id }: DeleteKeyRequest, { principal }) => {
      await deleteKey(deps, principal, id);
      return {};
    }),
    createToken: unary('anyone', (pair: CreateTokenRequest) => exchange(deps, pair)),
  };
}

/** armada.auth.v1.KeyQueryService: the same exchange for who can send nothing but a URL. */
export function keyQueryService(deps: KeyServiceDeps): Methods {
  return { getToken: unary('anyone', (pair: GetTokenRequest) => exchange(deps, pair)) };
}

async function exchange(
  deps: KeyServiceDeps,
  pair: { accessKey: string; secret: string },
): Promise<{ token: string; expires: Timestamp }> {
  const { token, expiresMs } = await issueToken(deps, await keyOfPair(deps, pair), deps.validMs);
  return { token, expires: timestampOf(expiresMs) };
}

function infoOf({ owner, key }: HeldKey): AccessKeyInfo {
  const { id, description, disabled, groups, createdAtMs } = key;
  return { id, owner, description, disabled, groups, created: timestampOf(createdAtMs) };
}
