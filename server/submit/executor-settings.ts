/** What operators set for executors, kept with who did it, when and why. */
import type {
  ExecutorSettingsDeleteRequest,
  ExecutorSettingsUpsertRequest,
} from '@armada-ts/api/api/control';
import { Control_Kind, ExecutorSettings } from '@armada-ts/api/armada/store/v1/store';
import type { Principal } from '../auth/principal.ts';
import { placeNameFault, printableFault } from '../model/names.ts';
import type { SubmitDeps } from './deps.ts';
import { createFaultList, refuseIfFaulty } from './faults.ts';

type SettingsDeps = Pick<SubmitDeps, 'store' | 'clock' | 'authorizer'>;

const MAX_CORDON_REASON_BYTES = 1000;

/**
 * Cordons an executor or takes that back, whether it was ever seen or not; the
 * newest word counts. Throws PERMISSION_DENIED or INVALID_REQUEST.
 */
export async function setExecutor(
  deps: SettingsDeps,
  principal: Principal,
  { name, cordoned, cordonReason: reason }: ExecutorSettingsUpsertRequest,
): Promise<void> {
  deps.authorizer.demand(principal, 'update_executor_settings');
  const faults = createFaultList();
  const check = (field: string, fault: string | undefined): void => {
    if (fault !== undefined) faults.add(field, fault);
  };
  check('name', placeNameFault(name));
  check('cordonReason', printableFault(reason));
  if (cordoned && reason === '') faults.add('cordonReason', 'must say why the executor is cordoned');
  const bytes = Buffer.byteLength(reason, 'utf8');
  if (bytes > MAX_CORDON_REASON_BYTES) {
    faults.add('cordonReason', `must be at most ${MAX_CORDON_REASON_BYTES} bytes, got ${bytes}`);
  }
  refuseIfFaulty(faults);
  const setBy = { requestor: principal.name, reason, atMs: deps.clock.now() };
  const record = ExecutorSettings.encode({ executorId: name, cordoned, setBy }).finish();
  await deps.store.control({ kind: Control_Kind.KIND_EXECUTOR_SETTINGS, name, record });
}

/** Forgets what was set for an executor, which uncordons it. Throws PERMISSION_DENIED or INVALID_REQUEST. */
export async function forgetExecutorSettings(
  deps: SettingsDeps,
  principal: Principal,
  { name }: ExecutorSettingsDeleteRequest,
): Promise<void> {
  deps.authorizer.demand(principal, 'update_executor_settings');
  const faults = createFaultList();
  const fault = placeNameFault(name);
  if (fault !== undefined) faults.add('name', fault);
  refuseIfFaulty(faults);
  await deps.store.control({ kind: Control_Kind.KIND_EXECUTOR_SETTINGS, name, record: null });
}
