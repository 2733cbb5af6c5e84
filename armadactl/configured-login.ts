import type { LoginSettings } from '@armada-ts/client/token-profile';
import type { CommandContext } from './command.ts';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';

export interface ConfiguredLogin {
  settings: LoginSettings;
  /** Where tokens are kept. */
  homeDirectory: string;
  /** Empty where there are no contexts. */
  contextName: string;
}

/** How people log in for the context. Throws a failure where nobody does. */
export async function configuredLogin(context: CommandContext): Promise<ConfiguredLogin> {
  const { login, contextName = '' } = await context.profile();
  const { homeDirectory } = context;
  if (login && homeDirectory !== undefined) return { settings: login, homeDirectory, contextName };
  throw new Failure(ExitCode.usage, 'there is nothing to log in to', {
    details: ['say where in the context: openIdAuth: { providerUrl: https://HOST, clientId: NAME }'],
  });
}
