import {
  type ExecutorCancelRequest,
  type ExecutorDeleteRequest,
  type ExecutorPreemptRequest,
  ExecutorService,
  type ExecutorSettingsDeleteRequest,
  type ExecutorSettingsUpsertRequest,
} from '@armada-ts/api/api/control';
import type { ServiceDefinition } from '@grpc/grpc-js';
import type { SubmitDeps } from '../submit/deps.ts';
import { forgetExecutorSettings, setExecutor } from '../submit/executor-settings.ts';
import { cancelOnExecutor, deleteExecutor, preemptOnExecutor } from '../submit/fleet.ts';
import { type Methods, unary } from '../door/method.ts';

export const executorDefinition = ExecutorService satisfies ServiceDefinition;

/** api.Executor. */
export function executorService(deps: SubmitDeps): Methods {
  return {
    upsertExecutorSettings: unary(
      'update_executor_settings',
      async (request: ExecutorSettingsUpsertRequest, { principal }) => {
        await setExecutor(deps, principal, request);
        return {};
      },
    ),
    deleteExecutorSettings: unary(
      'update_executor_settings',
      async (request: ExecutorSettingsDeleteRequest, { principal }) => {
        await forgetExecutorSettings(deps, principal, request);
        return {};
      },
    ),
    preemptOnExecutor: unary('preempt_any_jobs', async (request: ExecutorPreemptRequest, { principal }) => {
      await preemptOnExecutor(deps, principal, request);
      return {};
    }),
    cancelOnExecutor: unary('cancel_any_jobs', async (request: ExecutorCancelRequest, { principal }) => {
      await cancelOnExecutor(deps, principal, request);
      return {};
    }),
    deleteExecutor: unary(
      'update_executor_settings',
      async (request: ExecutorDeleteRequest, { principal }) => {
        await deleteExecutor(deps, principal, request);
        return {};
      },
    ),
  };
}
