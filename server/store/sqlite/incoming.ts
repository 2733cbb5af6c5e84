/** A store that is being copied into a directory, and has not its own name yet. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ArmadaError } from '../../base/errors.ts';

/** Name of its database. */
export const INCOMING = 'incoming.db';

/** Throws UNAVAILABLE when a copy into the directory was broken off. */
export function refuseIncomplete(directory: string): void {
  if (!existsSync(join(directory, INCOMING))) return;
  throw new ArmadaError(
    'UNAVAILABLE',
    `the copy of a store into ${directory} was not completed; run armada-server migrate again, or remove the directory`,
  );
}
