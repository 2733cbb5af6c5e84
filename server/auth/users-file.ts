/** The file of users, kept up with while the server runs. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { ArmadaError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { keepLooking } from '../base/looking.ts';
import { type AuthConfig, usersSchema } from './config.ts';
import { type Users, type UserSource, usersOf } from './users.ts';

export interface LiveUsers extends AsyncDisposable {
  readonly current: UserSource;
}

/**
 * Users of the configuration with those of its file; undefined when it names no file.
 * Rejects with INVALID_REQUEST when the file cannot be used; later on what was good stays.
 */
export async function openUsers(
  { basic: { users: configured, usersFile } }: Pick<AuthConfig, 'basic'>,
  { logger, lookMs }: { logger: Logger; lookMs?: number },
): Promise<LiveUsers | undefined> {
  if (usersFile === undefined) return undefined;
  let text: string | undefined;
  let users: Users = new Map();
  const look = async (): Promise<boolean> => {
    const found = await textOf(usersFile);
    if (found === text) return false;
    users = usersOf({ ...configured, ...entriesOf(found, configured, usersFile) }, users);
    text = found;
    return true;
  };
  await look();
  const looking = keepLooking({
    look: async () => {
      if (await look()) logger.info({ users: users.size }, 'users have changed');
    },
    onFault: (fault) => logger.warn({ fault }, 'users cannot be read again; the old ones stay'),
    everyMs: lookMs,
  });
  return { current: () => users, [Symbol.asyncDispose]: () => looking[Symbol.asyncDispose]() };
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unusable(path, error instanceof Error ? error.message : String(error));
  }
}

function entriesOf(
  text: string,
  configured: AuthConfig['basic']['users'],
  path: string,
): AuthConfig['basic']['users'] {
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch {
    // What the parser says would show what is in the file.
    throw unusable(path, 'it is no YAML');
  }
  const read = usersSchema.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw unusable(path, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  const twice = Object.keys(read.data).find((name) => Object.hasOwn(configured, name));
  if (twice !== undefined) throw unusable(path, `${twice} is in auth.basic.users too`);
  return read.data;
}

function unusable(path: string, reason: string): ArmadaError {
  return new ArmadaError('INVALID_REQUEST', `auth.basic.usersFile: ${path} cannot be used: ${reason}`);
}
