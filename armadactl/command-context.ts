import type { Command } from 'commander';
import type { Connection } from '@armada-ts/client/connect';
import type { TlsFlags } from '@armada-ts/client/tls-profile';
import type { CommandContext, Host } from './command.ts';
import { ExitCode } from './exit-codes.ts';
import { outputSettings } from './global-options.ts';
import { createOutput } from './output/create-output.ts';

/** A context that closes what was opened in it. */
export interface OpenContext extends CommandContext {
  close(): void;
}

/** What a command works with, as the global options of `program` say once they were read. */
export function openContext(program: Command, host: Host): OpenContext {
  let connection: Connection | undefined;
  let password: Promise<string | undefined> | undefined;
  const context: OpenContext = {
    ...host,
    output: createOutput({ ...host, settings: () => outputSettings(program) }),
    exitCode: ExitCode.ok,
    flags: () => ({
      config: flag(program, 'config'),
      context: flag(program, 'context'),
      address: flag(program, 'armadaUrl'),
      tls: tlsFlags(program),
    }),
    profile: () => readProfile(context, (question) => (password ??= host.askHidden(question))),
    connection: async () => {
      const { connect } = await import('@armada-ts/client/connect');
      const profile = await context.profile();
      connection ??= connect({
        ...profile,
        onVersionNotice: (notice) => context.output.notice(`note: ${notice}`),
      });
      return connection;
    },
    close: () => connection?.close(),
  };
  return context;
}

/** @param askPassword asks once, however many connections there are */
async function readProfile(
  context: CommandContext,
  askPassword: (question: string) => Promise<string | undefined>,
) {
  const client = await import('@armada-ts/client/profile');
  const { config, context: contextName, address, tls } = context.flags();
  const profile = await client.readProfile({
    configPath: config,
    contextName,
    address,
    tls,
    environment: context.environment,
    homeDirectory: context.homeDirectory,
    askPassword,
  });
  for (const notice of profile.notices) context.output.notice(`note: ${notice}`);
  return profile;
}

function flag(program: Command, name: string): string | undefined {
  const value: unknown = program.opts()[name];
  return typeof value === 'string' ? value : undefined;
}

function tlsFlags(program: Command): TlsFlags {
  const insecure = program.opts()['insecure'] === true ? true : undefined;
  return {
    caFile: flag(program, 'ca'),
    certFile: flag(program, 'cert'),
    keyFile: flag(program, 'key'),
    insecure,
  };
}
