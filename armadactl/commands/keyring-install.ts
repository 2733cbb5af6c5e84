import type { Command } from 'commander';
import { installSigningKey } from '@armada-ts/client/keyring';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';
import { usageFailure } from '../failure.ts';
import { addTokenFile, type OperatorOptions, withOperatorConnection } from '../operator-connection.ts';
import { readTextFile } from '../text-file.ts';

export function define(command: Command, context: CommandContext): void {
  addTokenFile(command)
    .option('--key-file <file>', '32 bytes in base64 (default: the server makes a key)')
    .action(async ({ keyFile, ...options }: OperatorOptions & { keyFile?: string }) => {
      const key = keyFile === undefined ? undefined : await readKey(keyFile, context);
      const id = await withOperatorConnection(context, options, (connection) =>
        installSigningKey(connection, key),
      );
      const sentence = `Installed signing key ${id}`;
      reportDeed(context, { action: 'installed', kind: 'SigningKey', name: id, sentence });
    });
}

async function readKey(file: string, { stdin }: CommandContext): Promise<Uint8Array> {
  const { name, text } = await readTextFile(file, stdin);
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text.trim())) throw usageFailure(`${name} must hold 32 bytes in base64`);
  return Buffer.from(text, 'base64');
}
