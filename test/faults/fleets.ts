// The fleets that are stormed at: one program that is all, a server and an
// executor apart, and servers on Redis. A server comes back on the address it had.
import { join } from 'node:path';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import type { ConfigInput } from '@armada-ts/server/config';
import { type Program, startProgram } from '../e2e/programs.ts';
import { writeSettings } from '../e2e/server.ts';
import { freePort } from '../free-port.ts';
import { createDirectory, startRedis, SYNCED } from '../store/redis.servers.ts';
import { type LocalFleet, type Running, startFleet } from './fleet.ts';

const NODES = ['--nodes', '4', '--cpu', '8', '--memory', '16Gi'];

/** Longest time for which a killed program stays away, where another goes on in its place. */
export const MAX_AWAY_MS = 2_000;

/** Longest time for a program to start, on a machine that does much else. */
const UP_MS = 60_000;

/** Server, scheduler and executor as one process. */
export async function startTogether(directory: string): Promise<LocalFleet> {
  const port = await freePort();
  const server = (): Promise<Program> => launchStandalone(directory, port, NODES);
  return await startFleet({ ...single(directory, port), launches: { server } });
}

/** A server without an executor of its own, and an executor apart. */
export async function startApart(directory: string): Promise<LocalFleet> {
  const port = await freePort();
  const plan = single(directory, port);
  const server = (): Promise<Program> => launchStandalone(directory, port, ['--nodes', '0']);
  const executor = (): Promise<Program> => launchExecutor(directory, 'apart', plan.address);
  return await startFleet({ ...plan, launches: { server, executor } });
}

/** Two servers and two executors on a Redis that writes everything down before it answers; all of it can be killed. */
export async function startOnRedis(directory: string): Promise<LocalFleet> {
  const redis = await startRedis(await createDirectory(), SYNCED);
  const launchRedis = async (): Promise<Running> => {
    await redis.restart();
    return { process: redis.process, lines: [], kill: () => redis.kill().then(() => null) };
  };
  const servers = await planServers(directory, `redis://127.0.0.1:${redis.port}`);
  const fleet = await startFleet({
    ...servers,
    maxAwayMs: MAX_AWAY_MS,
    store: 'redis',
    launches: {
      redis: launchRedis,
      ...servers.launches,
      ...planExecutors(directory, servers.address),
    },
  });
  return fleet;
}

function single(directory: string, port: number) {
  const storeUrl = `sqlite:${join(directory, 'data', 'server')}`;
  return { address: `127.0.0.1:${port}`, storeUrl, maxAwayMs: 0 };
}

async function launchStandalone(directory: string, port: number, nodes: readonly string[]): Promise<Program> {
  const where = ['--data', join(directory, 'data'), '--grpc-port', String(port), '--http-port', '0'];
  return await up(startProgram('server/standalone.ts', [...where, ...nodes]), /gRPC\s+(\S+:\d+)/);
}

/** What it takes to start two servers on one store. */
export async function planServers(directory: string, storeUrl: string, store: ConfigInput['store'] = {}) {
  const ports = [await freePort(), await freePort()];
  const entries = ports.map((port, index) => {
    const name = `server-${index + 1}`;
    const settings = { name, grpc: { port }, store: { ...store, url: storeUrl } };
    return [name, () => launchServer(join(directory, name), settings)] as const;
  });
  return {
    address: ports.map((port) => `127.0.0.1:${port}`).join(','),
    storeUrl,
    launches: Object.fromEntries(entries),
  };
}

/** What it takes to start two executors of these servers. */
export function planExecutors(directory: string, address: string) {
  return {
    'executor-1': () => launchExecutor(directory, 'executor-1', address),
    'executor-2': () => launchExecutor(directory, 'executor-2', address),
  };
}

async function launchServer(directory: string, settings: Partial<ConfigInput>): Promise<Program> {
  const file = await writeSettings(directory, {
    ...settings,
    auth: standaloneAuth,
    http: { port: 0 },
    operator: { directory: join(directory, 'operator') },
    submission: { defaultJobLimits: { cpu: '1', memory: '1Gi' } },
  });
  return await up(startProgram('server/main.ts', ['--config', file]), /gRPC (\S+:\d+)/);
}

async function launchExecutor(directory: string, id: string, address: string): Promise<Program> {
  const where = ['--server', address, '--executor-id', id, '--data', join(directory, id)];
  return await up(startProgram('executor/main.ts', [...where, ...NODES]), /executor started/);
}

/** A program that has written what it writes when it is up. One that has not in time is ended, lest it be there twice. */
async function up(program: Program, pattern: RegExp): Promise<Program> {
  try {
    await program.line(pattern, UP_MS);
    return program;
  } catch (error) {
    await program.kill('SIGKILL');
    throw error;
  }
}
