/** A server's submit part over a real store, for one test. */
import { Queue } from '@armada-ts/api/api/queue';
import { JobSubmitRequest } from '@armada-ts/api/api/submit';
import { createAuthorizer } from '@armada-ts/server/auth/authorizer';
import type { Principal } from '@armada-ts/server/auth/principal';
import { encodeItems, type ReceivedSubmit } from '@armada-ts/server/submit/received';
import { createClassifier } from '@armada-ts/server/model/scheduling-class';
import type { AppendResult, Batch, Store } from '@armada-ts/server/store/store';
import { priorityClassesSchema, submissionSchema } from '@armada-ts/server/submit/config';
import type { SubmitDeps } from '@armada-ts/server/submit/deps';
import { createQueue } from '@armada-ts/server/submit/queues';
import { submitRules } from '@armada-ts/server/submit/rules';
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { createSteppedClock, openStore } from '../store/engine.ts';
import { engine } from '../store/sqlite.engine.ts';

export const admin: Principal = { name: 'root', groups: ['admins'], scopes: [], scheme: 'test' };
export const ann: Principal = { name: 'ann', groups: ['team'], scopes: [], scheme: 'test' };
export const bob: Principal = { name: 'bob', groups: [], scopes: [], scheme: 'test' };

/** Queue `a` is Ann's and queue `b` is Bob's; Root may do everything. */
export async function openSubmit(
  test: TestContext,
  config: Parameters<typeof submissionSchema.parse>[0] = {},
): Promise<SubmitDeps & { clock: ReturnType<typeof createSteppedClock> }> {
  const clock = createSteppedClock(Date.parse('2026-01-01T00:00:00Z'));
  const store = await openStore(engine, test, { clock });
  const permissions = [
    'submit_any_jobs',
    'cancel_any_jobs',
    'preempt_any_jobs',
    'reprioritize_any_jobs',
    'create_queue',
    'delete_queue',
    'cordon_queue',
    'update_executor_settings',
  ];
  const deps = {
    store,
    clock,
    random: randomBytes,
    authorizer: createAuthorizer({
      permissionGroupMapping: Object.fromEntries(permissions.map((permission) => [permission, ['admins']])),
      permissionScopeMapping: {},
    }),
    rules: submitRules(submissionSchema.parse(config), priorityClassesSchema.parse(undefined)),
    classify: createClassifier(),
  };
  await createQueue(deps, admin, Queue.create({ name: 'a', priorityFactor: 1, userOwners: ['ann'] }));
  await createQueue(deps, admin, Queue.create({ name: 'b', priorityFactor: 1, userOwners: ['bob'] }));
  return deps;
}

type ItemParts = NonNullable<
  NonNullable<Parameters<typeof JobSubmitRequest.create>[0]>['jobRequestItems']
>[number];

/** A request for jobs that ask for one core each. */
export function jobs(
  count: number,
  changes: { queue?: string; jobSetId?: string; item?: (i: number) => ItemParts } = {},
): ReceivedSubmit {
  const one = new Map([['cpu', { string: '1' }]]);
  const podSpec = { containers: [{ name: 'main', resources: { requests: one, limits: one } }] };
  const jobRequestItems = Array.from({ length: count }, (_, i) => ({ podSpec, ...changes.item?.(i) }));
  const { queue = 'a', jobSetId = 's' } = changes;
  return encodeItems(JobSubmitRequest.create({ queue, jobSetId, jobRequestItems }));
}

/** The same store, with something happening just before each append that is let through. */
export function interposed(store: Store, before: (batch: Batch) => Promise<AppendResult | void>): Store {
  return { ...store, append: async (batch) => (await before(batch)) ?? store.append(batch) };
}
