/** What operators say about executors, as the log and the store tell it. */
import {
  type Control,
  Control_Kind,
  ExecutorRecord,
  ExecutorSettings,
} from '@armada-ts/api/armada/store/v1/store';
import { cordonExecutor, dismissExecutor, type Executors, type Now, recallExecutor } from './executors.ts';

/** Takes over a control entry of the log, if it is about an executor. */
export function applyExecutorControl(executors: Executors, { kind, name, record }: Control, now: Now): void {
  switch (kind) {
    case Control_Kind.KIND_EXECUTOR:
      if (record === undefined) dismissExecutor(executors, name);
      else recallExecutor(executors, ExecutorRecord.decode(record), now);
      return;
    case Control_Kind.KIND_EXECUTOR_SETTINGS:
      if (record) applySettings(executors, ExecutorSettings.decode(record));
      else cordonExecutor(executors, name, false);
      return;
    case Control_Kind.KIND_QUEUE:
    case Control_Kind.KIND_UNSPECIFIED:
      return;
  }
}

/** Takes over the settings of an executor, which need not have been seen yet. */
export function applySettings(executors: Executors, { executorId, cordoned }: ExecutorSettings): void {
  cordonExecutor(executors, executorId, cordoned);
}
