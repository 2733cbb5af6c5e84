import { ArmadaError } from '../base/errors.ts';

/** Others kept changing the same thing; nothing was done. */
export function tooBusy(what: string): ArmadaError {
  return new ArmadaError('CONFLICT', `${what} kept changing meanwhile; try again`, { retryAfterMs: 1000 });
}
