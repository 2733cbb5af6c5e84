// Starts armada-server, which takes its settings from a file.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ConfigInput } from '@armada-ts/server/config';
import { type Standalone, startProgram } from './programs.ts';

/** Writes settings to a file of `directory` and tells its path. */
export async function writeSettings(directory: string, settings: object): Promise<string> {
  const file = join(directory, 'settings.yaml');
  await mkdir(directory, { recursive: true });
  await writeFile(file, stringify(settings));
  return file;
}

/** Starts a server on free ports that keeps everything in `directory`, and waits until it says where it listens. */
export async function startServer(
  directory: string,
  settings: ConfigInput,
  timeoutMs?: number,
): Promise<Standalone> {
  const file = await writeSettings(directory, {
    logLevel: 'warn',
    ...settings,
    grpc: { port: 0, ...settings.grpc },
    http: { port: 0 },
    store: { url: `sqlite:${join(directory, 'server')}`, ...settings.store },
  });
  const program = startProgram('server/main.ts', ['--config', file]);
  const listening = /gRPC (\S+:\d+), health (http:\/\/\S+)\/health/;
  const [, address = '', url = ''] = await program.line(listening, timeoutMs);
  return { ...program, address, url };
}
