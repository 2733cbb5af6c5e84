import { resolve } from 'node:path';
import { AddressFault, parseAddresses } from '@armada-ts/api/servers/addresses';
import { TLS_KEYS } from '@armada-ts/client/tls-profile';
import type { Command } from 'commander';
import { type Document, isScalar, type YAMLMap } from 'yaml';
import type { CommandContext } from '../command.ts';
import {
  type EditableConfig,
  entryOf,
  mapAt,
  openForEditing,
  rootOf,
  setIn,
  writeConfigText,
} from '../config-edit.ts';
import { reportDeed } from '../deed.ts';
import { usageFailure } from '../failure.ts';
import { readSecret } from '../secret-input.ts';

interface SetContextOptions {
  username?: string;
  password?: string;
  passwordStdin?: boolean;
  forceNoTls?: boolean;
  tls?: boolean;
  current?: boolean;
}

export function define(command: Command, context: CommandContext): void {
  command
    .argument('<context>', 'name of the context; made when there is none')
    .option('--username <name>', 'whom to log in as')
    .option('--password <text>', 'visible to others of this machine while the command runs')
    .option('--password-stdin', 'read the password from standard input, or be asked at a terminal')
    .option('--force-no-tls', 'talk plaintext, even to another machine')
    .option('--tls', 'take --force-no-tls and --insecure back')
    .option('--current', 'make it the current context')
    .action((name: string, options: SetContextOptions) => setContext(name, options, context));
}

async function setContext(name: string, options: SetContextOptions, context: CommandContext): Promise<void> {
  const password = await readPassword(options, context);
  const { address } = context.flags();
  if (address !== undefined) checkAddress(address);
  const config = await openForEditing(context);
  const { document } = config;
  const contexts = mapAt(document, undefined, 'contexts');
  const isNew = entryOf(contexts, name) === undefined;
  if (isNew && address === undefined)
    throw usageFailure('a new context needs an address: --armadaUrl HOST:PORT');
  const settings = mapAt(document, contexts, name);
  if (address !== undefined) setIn(settings, 'armadaUrl', address);
  setTls(settings, options, context);
  if (options.username !== undefined || password !== undefined) {
    const basicAuth = mapAt(document, settings, 'basicAuth');
    if (options.username !== undefined) setIn(basicAuth, 'username', options.username);
    if (password !== undefined) setIn(basicAuth, 'password', password);
  }
  const isCurrent = options.current || !hasCurrent(document);
  if (isCurrent) setIn(rootOf(document), 'currentContext', entryOf(contexts, name)?.key ?? name);
  writeConfigText(config, document.toString());
  report(context, { name, isNew, isCurrent, config });
}

/** Plaintext and TLS take each other's settings back. Paths are kept whole: commands run in other directories. */
function setTls(settings: YAMLMap, options: SetContextOptions, context: CommandContext): void {
  const { caFile, certFile, keyFile, insecure } = context.flags().tls;
  const files = Object.entries({ caFile, certFile, keyFile }).flatMap(([key, path]) =>
    path === undefined ? [] : [{ key, path: resolve(path) }],
  );
  const wantsTls = options.tls || insecure || files.length > 0;
  if (options.forceNoTls && wantsTls) {
    throw usageFailure('--force-no-tls cannot stand beside --tls, --ca, --cert, --key and --insecure');
  }
  if (options.forceNoTls) {
    for (const key of TLS_KEYS) settings.delete(entryOf(settings, key)?.key ?? key);
    setIn(settings, 'forceNoTls', true);
  }
  if (options.tls || (wantsTls && entryOf(settings, 'forceNoTls'))) setIn(settings, 'forceNoTls', false);
  if (insecure) setIn(settings, 'insecure', true);
  else if (options.tls && entryOf(settings, 'insecure')) setIn(settings, 'insecure', false);
  for (const { key, path } of files) setIn(settings, key, path);
}

function checkAddress(address: string): void {
  try {
    parseAddresses(address);
  } catch (error) {
    if (!(error instanceof AddressFault)) throw error;
    throw usageFailure(`--armadaUrl: ${error.message}`);
  }
}

async function readPassword(
  options: SetContextOptions,
  context: CommandContext,
): Promise<string | undefined> {
  if (!options.passwordStdin) return options.password;
  return readSecret({ file: '-', what: 'password' }, context);
}

function hasCurrent(document: Document): boolean {
  const value = entryOf(rootOf(document), 'currentContext')?.value;
  return isScalar(value) && typeof value.value === 'string' && value.value !== '';
}

function report(
  context: CommandContext,
  {
    name,
    isNew,
    isCurrent,
    config,
  }: { name: string; isNew: boolean; isCurrent: boolean; config: EditableConfig },
): void {
  const verb = isNew ? 'Made' : 'Changed';
  reportDeed(context, {
    action: isNew ? 'created' : 'updated',
    kind: 'Context',
    name,
    sentence: `${verb} context ${name} in ${config.path}${isCurrent ? '; it is the current one' : ''}`,
    fields: { isCurrent },
  });
}
