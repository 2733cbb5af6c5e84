/** Doors for tests of what lies behind them. */
import { anonymousScheme } from '../../auth/anonymous.ts';
import { createAuthorizer } from '../../auth/authorizer.ts';
import { createChain } from '../../auth/chain.ts';
import { standaloneAuth } from '../../auth/config.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { type Admission, createAdmission } from '../admission.ts';
import type { Door } from '../call.ts';
import { noObserver } from '../observer.ts';

/** Lets in whoever comes, with every permission. */
export function openDoor(settings: Partial<Door> = {}): Door {
  let ids = 0;
  return {
    chain: createChain([anonymousScheme]),
    authorizer: createAuthorizer({ permissionScopeMapping: {}, ...standaloneAuth }),
    rights: { watch: () => ({ onQueue: () => {}, release: () => {} }) },
    callerOf: () => undefined,
    logger: silentLogger,
    stopping: new AbortController().signal,
    newRequestId: () => `id-${++ids}`,
    observer: noObserver,
    ...settings,
  };
}

/** Of a thread that is never late. */
export function calmAdmission(): Admission {
  return createAdmission({ lateMs: () => 0, clock: systemClock, logger: silentLogger });
}
