/** What operators set for executors and their nodes, kept with who did it, when and why. */
import type {
  ExecutorSettingsDeleteRequest,
  ExecutorSettingsUpsertRequest,
} from '@armada-ts/api/api/control';
import { Control_Kind, Drain, ExecutorSettings } from '@armada-ts/api/armada/store/v1/store';
import type { Principal } from '../auth/principal.ts';
import { type Place, settingsName } from '../model/executor-settings.ts';
import { placeNameFault, printableFault } from '../model/names.ts';
import type { SubmitDeps } from './deps.ts';
import { createFaultList, type FaultList, refuseIfFaulty } from './faults.ts';

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
  checkName('name', name, faults);
  checkReason('cordonReason', reason, { isNeeded: cordoned }, faults);
  refuseIfFaulty(faults);
  const place = { executorId: name, node: '' };
  await keep(deps, principal, place, { cordoned, reason, drain: Drain.DRAIN_UNSPECIFIED });
}

/** Forgets what was set for an executor, which uncordons it. Throws PERMISSION_DENIED or INVALID_REQUEST. */
export async function forgetExecutorSettings(
  deps: SettingsDeps,
  principal: Principal,
  { name }: ExecutorSettingsDeleteRequest,
): Promise<void> {
  deps.authorizer.demand(principal, 'update_executor_settings');
  const faults = createFaultList();
  checkName('name', name, faults);
  refuseIfFaulty(faults);
  await forget(deps, { executorId: name, node: '' });
}

/** A request about an executor, or about a node where it names the node's executor too. */
export interface PlaceRequest {
  name: string;
  executor?: string;
}

/** What an operator sets for a place. */
export interface Cordon {
  reason: string;
  drain: Drain;
}

/**
 * Cordons an executor or a node, whether it was ever seen or not; the newest word
 * counts, so this may begin a drain or end it. For operators: the door lets in
 * nobody else. Throws INVALID_REQUEST.
 */
export async function cordonPlace(
  deps: Omit<SettingsDeps, 'authorizer'>,
  principal: Principal,
  request: PlaceRequest,
  { reason, drain }: Cordon,
): Promise<void> {
  checkCordon(request, reason);
  await keep(deps, principal, placeOf(request), { cordoned: true, reason, drain });
}

/** Takes cordon and drain back, for operators. Throws INVALID_REQUEST. */
export async function uncordonPlace(deps: Pick<SettingsDeps, 'store'>, request: PlaceRequest): Promise<void> {
  const faults = createFaultList();
  checkPlace(request, faults);
  refuseIfFaulty(faults);
  await forget(deps, placeOf(request));
}

/** Forgets what was set for an executor and for all its nodes; the executor comes last, so whoever tries again knows it still. */
export async function forgetAll(deps: Pick<SettingsDeps, 'store'>, executorId: string): Promise<void> {
  const settings = await deps.store.read.executorSettings();
  const nodes = settings.filter((one) => one.executorId === executorId && one.node !== '');
  for (const { node } of nodes) await forget(deps, { executorId, node });
  await forget(deps, { executorId, node: '' });
}

/** Throws INVALID_REQUEST. */
export function checkCordon(request: PlaceRequest, reason: string): void {
  const faults = createFaultList();
  checkPlace(request, faults);
  checkReason('reason', reason, { isNeeded: true }, faults);
  refuseIfFaulty(faults);
}

/** The place that a request is about. */
export function placeOf({ name, executor }: PlaceRequest): Place {
  return executor === undefined ? { executorId: name, node: '' } : { executorId: executor, node: name };
}

function checkPlace({ name, executor }: PlaceRequest, faults: FaultList): void {
  if (executor !== undefined) checkName('executor', executor, faults);
  checkName('name', name, faults);
}

function checkName(field: string, name: string, faults: FaultList): void {
  const fault = placeNameFault(name);
  if (fault !== undefined) faults.add(field, fault);
}

function checkReason(
  field: string,
  reason: string,
  { isNeeded }: { isNeeded: boolean },
  faults: FaultList,
): void {
  const fault = printableFault(reason);
  if (fault !== undefined) faults.add(field, fault);
  if (isNeeded && reason === '') faults.add(field, 'must say why');
  const bytes = Buffer.byteLength(reason, 'utf8');
  if (bytes > MAX_CORDON_REASON_BYTES) {
    faults.add(field, `must be at most ${MAX_CORDON_REASON_BYTES} bytes, got ${bytes}`);
  }
}

async function keep(
  { store, clock }: Omit<SettingsDeps, 'authorizer'>,
  principal: Principal,
  place: Place,
  { cordoned, reason, drain }: Cordon & { cordoned: boolean },
): Promise<void> {
  const setBy = { requestor: principal.name, reason, atMs: clock.now() };
  const record = ExecutorSettings.encode({ ...place, cordoned, setBy, drain }).finish();
  await store.control({ kind: Control_Kind.KIND_EXECUTOR_SETTINGS, name: settingsName(place), record });
}

async function forget({ store }: Pick<SettingsDeps, 'store'>, place: Place): Promise<void> {
  const name = settingsName(place);
  await store.control({ kind: Control_Kind.KIND_EXECUTOR_SETTINGS, name, record: null });
}
