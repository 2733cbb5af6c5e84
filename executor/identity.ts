import os from 'node:os';
import path from 'node:path';
import { ConfigError } from './config.ts';
import { readText, writeWhole } from './process/run-directory.ts';

/**
 * The executor id, kept in the data directory beside the runs that were leased
 * to it: a host name may change with every start of a machine or container, and
 * under another id nobody would believe what is reported of these runs.
 * @param hasRuns whether runs of an earlier start are held
 * Throws ConfigError when they were leased to another id than the configured one.
 */
export function identify(configured: string | undefined, directory: string, hasRuns: boolean): string {
  const file = path.join(directory, 'executor-id');
  const kept = readText(file)?.trim() || undefined;
  const id = configured ?? kept ?? os.hostname();
  if (kept !== undefined && kept !== id && hasRuns) {
    const message = `executorId: the data directory holds runs that were leased to "${kept}", got "${id}"`;
    throw new ConfigError(
      `${message}; start as "${kept}" until they have ended, or use another dataDirectory`,
    );
  }
  if (kept !== id) writeWhole(file, `${id}\n`);
  return id;
}
