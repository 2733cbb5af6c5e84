// Starts armada-server, which takes its settings from a file.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ConfigInput } from '@armada-ts/server/config';
import { type Program, type Standalone, startProgram } from './programs.ts';

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
    operator: { directory: join(directory, 'operator'), ...settings.operator },
    store: { url: `sqlite:${join(directory, 'server')}`, ...settings.store },
  });
  const program = startProgram('server/main.ts', ['--config', file]);
  const listening = /gRPC (\S+:\d+), health (https?:\/\/\S+)\/health/;
  const [, address = '', url = ''] = await program.line(listening, timeoutMs);
  return { ...program, address, url };
}

/** Where operators reach a server that has started, and how they get in. */
export interface OperatorAccess {
  /** `host:port` of gRPC. */
  address: string;
  /** `https://host:port`. */
  url: string;
  /** Certificate to trust, as PEM. */
  authority: string;
  /** Value of the header `authorization`. */
  authorization: string;
}

/** The operator port of a server that keeps its operator directory in `directory`. */
export async function operatorOf(program: Program, directory: string): Promise<OperatorAccess> {
  const line = /operator port (https:\/\/\S+), gRPC ([^\s,]+)/;
  const [, url = '', address = ''] = await program.line(line);
  const [authority, token] = await Promise.all(
    ['ca.pem', 'token'].map((name) => readFile(join(directory, 'operator', name), 'utf8')),
  );
  return { address, url, authority: authority ?? '', authorization: `Bearer ${token?.trim()}` };
}
