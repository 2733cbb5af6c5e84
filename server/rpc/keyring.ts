import {
  type InstallKeyRequest,
  KeyringServiceService,
  type RemoveKeyRequest,
  type SigningKeyStatus,
  type UseKeyRequest,
} from '@armada-ts/api/armada/operator/v1/keyring';
import { inUseUntilMs, installKey, type KeyringDeps, removeKey, useKey } from '../auth/keys/keyring.ts';
import { ArmadaError } from '../base/errors.ts';
import { type Methods, unary } from '../door/method.ts';
import { timestampOf } from '../model/instant.ts';
import { shown } from '../model/names.ts';
import type { KeyHolders } from '../peers/keyring.ts';

export const keyringDefinition = KeyringServiceService;

export interface KeyringServiceDeps extends KeyringDeps {
  findHolders: () => Promise<KeyHolders>;
}

/** armada.operator.v1.KeyringService: what tokens are signed with, on all servers of the store. */
export function keyringService(deps: KeyringServiceDeps): Methods {
  return {
    getKeyring: unary('operate', async () => {
      const { servers, unreached, holdersOf } = await deps.findHolders();
      const keys = deps.held.ring().keys.map((key): SigningKeyStatus => {
        const { id, primary, addedAtMs } = key;
        const untilMs = primary ? undefined : inUseUntilMs(key, deps.validMs);
        const inUseUntil = untilMs === undefined ? undefined : timestampOf(untilMs);
        return { id, primary, added: timestampOf(addedAtMs), replicas: holdersOf(id), inUseUntil };
      });
      return { keys, servers, unreached };
    }),
    installKey: unary('operate', async ({ key }: InstallKeyRequest) => ({ id: await installKey(deps, key) })),
    useKey: unary('operate', async ({ id }: UseKeyRequest) => {
      await refuseUnlessEverywhere(deps, id);
      await useKey(deps, id);
      return {};
    }),
    removeKey: unary('operate', async (request: RemoveKeyRequest) => {
      await removeKey(deps, request);
      return {};
    }),
  };
}

/** What one server signs, all must be able to prove. */
async function refuseUnlessEverywhere({ held, findHolders }: KeyringServiceDeps, id: string): Promise<void> {
  if (!held.ring().keys.some((key) => key.id === id)) return;
  const { servers, unreached, holdersOf } = await findHolders();
  if (holdersOf(id) === servers) return;
  const missing = unreached.length === 0 ? '' : `; no answer from ${unreached.join(', ')}`;
  throw new ArmadaError(
    'KEY_NOT_EVERYWHERE',
    `${holdersOf(id)} of ${servers} servers have signing key ${shown(id)}${missing}; try again in a moment`,
  );
}
