import type { Command } from 'commander';
import { forgetLogin } from '@armada-ts/client/kept-login';
import type { CommandContext } from '../command.ts';
import { configuredLogin } from '../configured-login.ts';

export function define(command: Command, context: CommandContext): void {
  command.action(async () => {
    const { settings, homeDirectory, contextName } = await configuredLogin(context);
    const { wasLoggedIn, notRevoked } = await forgetLogin(homeDirectory, settings);
    const { providerUrl: provider } = settings;
    if (notRevoked !== undefined)
      context.output.notice(`${provider} may take the tokens until they expire: ${notRevoked}`);
    context.output.fact({
      name: provider,
      line: () => (wasLoggedIn ? `Logged out of ${provider}` : `Nobody was logged in to ${provider}`),
      json: () => ({
        provider,
        context: contextName,
        wasLoggedIn,
        revoked: wasLoggedIn && notRevoked === undefined,
      }),
    });
  });
}
