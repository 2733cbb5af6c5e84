import { ArmadaError } from '../base/errors.ts';
import type { Store } from '../store/store.ts';

/** How long the store may take to answer before it counts as away. */
const STORE_MS = 2_000;

export interface HealthDeps {
  store: Store;
  /** Aborted once the server has begun to stop. */
  stopping: AbortSignal;
  scheduler: {
    role(): 'loading' | 'following' | 'leading';
    readonly failed: Promise<never>;
  };
}

/** What is not in order with this server, a line each; empty when all is well. */
export type HealthCheck = () => Promise<string[]>;

/** Looks at the parts without which the server is of no use. */
export function createHealthCheck({ store, stopping, scheduler }: HealthDeps): HealthCheck {
  let hasFailed = false;
  scheduler.failed.catch(() => (hasFailed = true));
  // One that follows is ready too: it could lead at once.
  const schedulerFault = (): string | undefined => {
    if (hasFailed) return 'the scheduler has failed';
    return scheduler.role() === 'loading' ? 'the scheduler is loading' : undefined;
  };
  return async () => {
    if (stopping.aborted) return ['the server is stopping'];
    const storeFault = await faultOf(store);
    return [schedulerFault(), storeFault].filter((fault) => fault !== undefined);
  };
}

async function faultOf(store: Store): Promise<string | undefined> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve('the store does not answer'), STORE_MS);
  try {
    return await Promise.race([store.heads().then(() => undefined), late.promise]);
  } catch (error) {
    return error instanceof ArmadaError ? `the store fails: ${error.message}` : 'the store fails';
  } finally {
    clearTimeout(timer);
  }
}
