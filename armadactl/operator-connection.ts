import type { Command } from 'commander';
import type { Connection } from '@armada-ts/client/connect';
import type { CommandContext } from './command.ts';
import { readTextFile } from './text-file.ts';

export interface OperatorOptions {
  tokenFile?: string;
}

/** For commands of the operator port. */
export function addTokenFile(command: Command): Command {
  return command.option(
    '--token-file <file>',
    'operator token, as a server keeps it in its operator directory',
  );
}

/** Runs with a connection that has the operator token, or else the credentials of the context. */
export async function withOperatorConnection<Result>(
  context: CommandContext,
  { tokenFile }: OperatorOptions,
  act: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  if (tokenFile === undefined) return await act(await context.connection());
  const { text } = await readTextFile(tokenFile, context.stdin);
  const { basicAuth: _, ...profile } = await context.profile();
  const { connect } = await import('@armada-ts/client/connect');
  using connection = connect({ ...profile, authorization: async () => `Bearer ${text.trim()}` });
  return await act(connection);
}
