import type { Command } from 'commander';
import type { Connection } from '@armada-ts/client/connect';
import type { Profile } from '@armada-ts/client/profile';
import type { TlsFlags } from '@armada-ts/client/tls-profile';
import type { Output } from './output/output.ts';
import type { Sink } from './output/terminal.ts';

/** What the process gives a command; handed in, so that tests can give something else. */
export interface Host {
  environment: Readonly<Record<string, string | undefined>>;
  homeDirectory: string | undefined;
  stdin: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean };
  stdout: Sink;
  stderr: Sink;
  /** Calls `listener` on every SIGINT and SIGTERM until the returned function is called; without listeners they end the process. */
  onInterrupt(listener: () => void): () => void;
  /** What is typed at the terminal in answer, without showing it; undefined when there is no terminal, or no answer. */
  askHidden(question: string): Promise<string | undefined>;
  /** Says that what is under way is finished even when nobody reads standard output any more. */
  outliveReader(): void;
}

/** Values of `--config`, `--context`, `--armadaUrl`, and of those about TLS. */
export interface ConnectionFlags {
  config: string | undefined;
  context: string | undefined;
  address: string | undefined;
  tls: TlsFlags;
}

/** What a command works with. */
export interface CommandContext extends Host {
  output: Output;
  /** The connection as flags, environment and file state it. Throws ProfileError. */
  profile(): Promise<Profile>;
  /** Opened when first asked for and closed when the command ends. */
  connection(): Promise<Connection>;
  /** What the global options say of where to connect. */
  flags(): ConnectionFlags;
  /** What the process ends with, unless the command throws. */
  exitCode: number;
}

/** The shape of every file in `commands/`: adds its arguments, options and action. */
export interface CommandModule {
  define(command: Command, context: CommandContext): void;
}
