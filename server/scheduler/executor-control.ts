/** What operators say about executors, as the log and the store tell it. */
import {
  type Control,
  Control_Kind,
  Drain,
  ExecutorRecord,
  ExecutorSettings,
} from '@armada-ts/api/armada/store/v1/store';
import { type Place, placeOfSettings } from '../model/executor-settings.ts';
import { dismissExecutor, type Executors, type Now, recallExecutor, relistExecutor } from './executors.ts';
import { setPlace } from './places.ts';
import { nodeKey } from './round/nodes.ts';

/** Takes over a control entry of the log, if it is about an executor. */
export function applyExecutorControl(executors: Executors, { kind, name, record }: Control, now: Now): void {
  switch (kind) {
    case Control_Kind.KIND_EXECUTOR:
      if (record === undefined) dismissExecutor(executors, name);
      else recallExecutor(executors, ExecutorRecord.decode(record), now);
      return;
    case Control_Kind.KIND_EXECUTOR_SETTINGS:
      if (record) applySettings(executors, ExecutorSettings.decode(record));
      else forgetSettings(executors, name);
      return;
    case Control_Kind.KIND_QUEUE:
    case Control_Kind.KIND_ACCESS_KEYS:
    case Control_Kind.KIND_KEYRING:
    case Control_Kind.KIND_UNSPECIFIED:
      return;
  }
}

/** Takes over the settings of an executor or a node, which need not have been seen yet. */
export function applySettings(executors: Executors, settings: ExecutorSettings): void {
  const { state } = executors;
  setPlace(state.places, settings);
  relistExecutor(executors, settings.executorId);
  if (settings.drain !== Drain.DRAIN_UNSPECIFIED) lookAtRuns(executors, settings);
}

function forgetSettings(executors: Executors, name: string): void {
  executors.state.places.delete(name);
  relistExecutor(executors, placeOfSettings(name).executorId);
}

/** What is there when the drain begins; what comes to be there later is looked at when it does. */
function lookAtRuns({ state }: Executors, place: Place): void {
  const { charges, nodes } = state;
  const node = nodes.byKey.get(nodeKey(place.executorId, place.node));
  const there =
    place.node === ''
      ? charges.byExecutor.get(place.executorId)
      : node !== undefined && charges.byNode.get(node);
  for (const one of there || []) if (one.state === 'valid') state.drained.add(one.job);
}
