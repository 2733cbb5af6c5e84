import { ArmadaError } from '../base/errors.ts';
import type { Store } from '../store/store.ts';

/** How long the store may take to answer before it counts as away. */
const STORE_MS = 2_000;

export interface HealthDeps {
  store: Pick<Store, 'heads' | 'failed'>;
  /** Aborted once the server has begun to stop. */
  stopping: AbortSignal;
  scheduler: {
    role(): 'loading' | 'following' | 'leading';
    readonly failed: Promise<never>;
  };
}

/** A part of the server, and what is not in order with it. */
export interface Check {
  /** `server`, `scheduler` or `store`. */
  name: string;
  /** Undefined when all is well. */
  fault: string | undefined;
}

/** What can be found out about a server by looking at its parts. */
export interface Checks {
  /** Parts that do not mend themselves: with a fault in one of them the process is to be started again. */
  alive(): Check[];
  /** Parts without which the server is of no use, now. Does not fail. */
  ready(): Promise<Check[]>;
}

/** What is not in order with this server, a line each; empty when all is well. */
export type HealthCheck = () => Promise<string[]>;

/** Looks at the parts without which the server is of no use. */
export function createChecks({ store, stopping, scheduler }: HealthDeps): Checks {
  let hasSchedulerFailed = false;
  let hasStoreFailed = false;
  scheduler.failed.catch(() => (hasSchedulerFailed = true));
  store.failed.catch(() => (hasStoreFailed = true));
  const alive = (): Check[] => [
    { name: 'scheduler', fault: hasSchedulerFailed ? 'the scheduler has failed' : undefined },
    { name: 'store', fault: hasStoreFailed ? 'the store has failed' : undefined },
  ];
  // One that follows is ready too: it could lead at once.
  const schedulerFault = (): string | undefined => {
    if (hasSchedulerFailed) return 'the scheduler has failed';
    return scheduler.role() === 'loading' ? 'the scheduler is loading' : undefined;
  };
  // Anybody may ask for it, and as often as they like.
  let asking: Promise<string | undefined> | undefined;
  const storeFault = (): Promise<string | undefined> => {
    asking ??= faultOf(store).finally(() => (asking = undefined));
    return asking;
  };
  return {
    alive,
    ready: async () => [
      { name: 'server', fault: stopping.aborted ? 'the server is stopping' : undefined },
      { name: 'scheduler', fault: schedulerFault() },
      // Nothing is asked of a store that may be closed.
      { name: 'store', fault: stopping.aborted ? undefined : await storeFault() },
    ],
  };
}

/** The faults alone. */
export function healthCheckOf(checks: Checks): HealthCheck {
  return async () => (await checks.ready()).flatMap(({ fault }) => fault ?? []);
}

async function faultOf(store: Pick<Store, 'heads'>): Promise<string | undefined> {
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
