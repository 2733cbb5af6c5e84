import type { CommandContext } from './command.ts';
import { usageFailure } from './failure.ts';
import { readTextFile } from './text-file.ts';

/** Where a secret is read from: `-` is standard input. */
export interface SecretSource {
  file: string;
  /** What it is: a password, a secret. */
  what: string;
}

/** The first line of a file or of standard input; at a terminal it is asked for, and not shown. Throws a usage failure when there is none. */
export async function readSecret({ file, what }: SecretSource, context: CommandContext): Promise<string> {
  if (isTyped(file, context)) {
    const typed = (await context.askHidden(`${what}: `)) ?? '';
    if (typed === '') throw usageFailure(`there is no ${what}`);
    return typed;
  }
  const { name, text } = await readTextFile(file, context.stdin);
  const [secret = ''] = text.split(/\r?\n/, 1);
  if (secret === '') throw usageFailure(`${name} has no ${what} in its first line`);
  return secret;
}

/** Whether somebody is there to be asked. */
export function isTyped(file: string, { stdin }: Pick<CommandContext, 'stdin'>): boolean {
  return file === '-' && stdin.isTTY === true;
}
