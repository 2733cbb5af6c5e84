/** The server's file of users, `auth.basic.usersFile`, edited in place: what else it says, comments too, stays. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { type Document, parseDocument, type YAMLMap } from 'yaml';
import type { CommandContext } from './command.ts';
import { rootOf, writeConfigText } from './config-edit.ts';
import { ExitCode } from './exit-codes.ts';
import { Failure, usageFailure } from './failure.ts';
import { hashPassword } from './password-hash.ts';
import { isTyped, readSecret } from './secret-input.ts';

export interface UsersFile {
  path: string;
  document: Document;
  /** By name. */
  users: YAMLMap;
}

export interface UsersFileOptions {
  file: string;
}

export interface PasswordOptions {
  passwordFile: string;
}

/** No longer than what the server takes. */
const MAX_PASSWORD_LENGTH = 1024;

export function addFileOption(command: Command): Command {
  return command.requiredOption('--file <file>', "the server's file of users (auth.basic.usersFile)");
}

export function addPasswordOption(command: Command): Command {
  return command.option(
    '--password-file <file>',
    'file with the password in its first line; - for standard input, or to be asked at a terminal',
    '-',
  );
}

/** A file that is not there is one without users. Throws a failure that names the file. */
export async function openUsersFile(path: string): Promise<UsersFile> {
  const document = parseDocument(await textOf(path));
  if (document.errors.length > 0) throw usageFailure(`${path} is not valid YAML`);
  if (document.contents !== null && !isUsers(document.toJS()))
    throw usageFailure(`${path} is no file of users`);
  return { path, document, users: rootOf(document) };
}

export function save({ path, document }: UsersFile): void {
  writeConfigText({ path }, String(document));
}

/** Throws a usage failure for a user whom the file does not have. */
export function demandUser({ path, users }: UsersFile, name: string): void {
  if (!users.has(name)) throw usageFailure(`there is no user ${JSON.stringify(name)} in ${path}`);
}

/** The hash of the password that is given. Throws a usage failure for one that cannot be used. */
export async function givenHash({ passwordFile }: PasswordOptions, context: CommandContext): Promise<string> {
  const password = await readSecret({ file: passwordFile, what: 'password' }, context);
  // Nobody sees what they type.
  if (isTyped(passwordFile, context) && (await context.askHidden('the same again: ')) !== password)
    throw usageFailure('that was another one; nothing has changed');
  if (password.length > MAX_PASSWORD_LENGTH) {
    throw usageFailure(`a password has at most ${MAX_PASSWORD_LENGTH} characters, got ${password.length}`);
  }
  return await hashPassword(password);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return '';
    throw new Failure(ExitCode.usage, `cannot read ${path}: ${String(cause)}`, { cause });
  }
}

/** So that no other file is taken for one and changed. */
function isUsers(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((user) => typeof user === 'object' && user !== null && 'password' in user)
  );
}
