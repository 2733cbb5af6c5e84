import { spawn } from 'node:child_process';
import { platform } from 'node:os';
import type { Command } from 'commander';
import { keepLogin } from '@armada-ts/client/kept-login';
import type { CommandContext } from '../command.ts';
import { configuredLogin } from '../configured-login.ts';
import { ExitCode } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

export function define(command: Command, context: CommandContext): void {
  command
    .option('--device', 'with a code, at a browser on any machine')
    .action(({ device }: { device?: boolean }) => login(device ?? false, context));
}

async function login(isByCode: boolean, context: CommandContext): Promise<void> {
  const { settings: configured, homeDirectory, contextName } = await configuredLogin(context);
  const settings = isByCode ? { ...configured, kind: 'device' as const } : configured;
  const { logIn } = await import('../open-id-login.ts');
  const tokens = await logIn(settings, {
    tell: (text) => context.output.notice(text),
    openBrowser: (url) => openBrowser(url, context),
  }).catch((error: unknown) => {
    throw new Failure(ExitCode.denied, `cannot log in: ${reasonOf(error)}`, { cause: error });
  });
  await keepLogin(homeDirectory, settings, tokens);
  const { providerUrl } = settings;
  const isRenewed = tokens.refreshToken !== undefined;
  const expires = new Date(tokens.expiresAtMs).toISOString();
  context.output.fact({
    name: providerUrl,
    line: () => `Logged in to ${providerUrl}${isRenewed ? '' : ` until ${expires}`}`,
    json: () => ({ provider: providerUrl, context: contextName, expires, renewed: isRenewed }),
  });
}

/** What the library says, and what the provider said to it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const description = 'error_description' in error ? error.error_description : undefined;
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  return [error.message, description ?? cause].filter((text) => typeof text === 'string').join(': ');
}

/** Where there is none the address is there to be copied. */
function openBrowser(url: string, { environment }: CommandContext): void {
  const [command, ...args] = environment.BROWSER
    ? [environment.BROWSER]
    : platform() === 'darwin'
      ? ['open']
      : platform() === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler']
        : ['xdg-open'];
  const child = spawn(command ?? '', [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}
