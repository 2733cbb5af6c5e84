/**
 * The operator token where an operator of this machine finds it. Whoever may
 * remove the file may also have another token: it is made when the file is gone,
 * for all servers of the store.
 */
import { join } from 'node:path';
import { readKeptFile, replaceKeptFile } from '../base/kept-file.ts';
import type { Logger } from '../base/logger.ts';
import { keepLooking } from '../base/looking.ts';

/** The token of the store, see auth/live-operator-token.ts. */
interface Token {
  current(): string;
  renew(): Promise<void>;
}

export interface TokenFile extends AsyncDisposable {
  path: string;
}

const OWNER_ONLY = 0o600;

/** Writes the token, and keeps the file as the token is. Throws UNAVAILABLE. */
export function openTokenFile(
  directory: string,
  token: Token,
  { logger, lookMs }: { logger: Logger; lookMs?: number },
): TokenFile {
  const path = join(directory, 'token');
  const write = (): void => {
    const text = `${token.current()}\n`;
    if (readKeptFile(path) !== text) replaceKeptFile(path, text, OWNER_ONLY);
  };
  // A server that begins anew in an empty directory has nothing to change.
  write();
  const looking = keepLooking({
    look: async () => {
      if (readKeptFile(path) === undefined) {
        await token.renew();
        logger.warn({ path }, 'the operator token was removed; there is another one now');
      }
      write();
    },
    onFault: (fault) => logger.warn({ fault }, 'the operator token cannot be kept in its file'),
    everyMs: lookMs,
  });
  return { path, [Symbol.asyncDispose]: () => looking[Symbol.asyncDispose]() };
}
