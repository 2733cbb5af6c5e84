/** Real Redis servers for tests: started on free ports with a directory of their own, and ended with the tests. */
import { type ChildProcess, execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createDirectory as createDaemonDirectory, endDaemon, startDaemon } from '../daemons.ts';
import { freePort } from '../free-port.ts';

/** A running server. */
export interface RedisServer {
  readonly port: number;
  readonly process: ChildProcess;
  /** Ends it with SIGKILL, and waits. */
  kill(): Promise<void>;
  /** Starts it again, with the same data. @param different settings besides those it was first started with */
  restart(different?: readonly string[]): Promise<void>;
}

/** A place for the data of some servers. */
export function createDirectory(): Promise<string> {
  return createDaemonDirectory('redis');
}

/** Settings under which nothing that was answered is lost. */
export const SYNCED = [
  '--appendonly',
  'yes',
  '--appendfsync',
  'always',
  '--save',
  '',
  '--loglevel',
  'warning',
];

/** Starts a server. @param settings as on the command line */
export async function startRedis(directory: string, settings: readonly string[]): Promise<RedisServer> {
  const port = await freePort();
  const home = join(directory, String(port));
  await mkdir(home);
  // A replica is filled at once, not after a wait for others to fill.
  const replication = ['--repl-diskless-sync-delay', '0'];
  const parameters = [
    '--port',
    String(port),
    '--dir',
    home,
    '--bind',
    '127.0.0.1',
    ...replication,
    ...settings,
  ];
  let child = await start('redis-server', parameters, port);
  return {
    port,
    get process() {
      return child;
    },
    kill: () => endDaemon(child),
    async restart(different = []) {
      await endDaemon(child);
      child = await start('redis-server', [...parameters, ...different], port);
    },
  };
}

/** Starts a program of Redis and waits until it answers. It does not keep this process alive. */
export function start(program: string, parameters: readonly string[], port: number): Promise<ChildProcess> {
  return startDaemon(program, parameters, { isUp: () => answers(port) });
}

/** Whether a PING is answered. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (data) => settle(data.toString().startsWith('+PONG')));
    socket.once('error', () => settle(false));
    socket.setTimeout(1000, () => settle(false));
  });
}

/** Waits until a server has a replica that follows it. */
export async function replicaOnline(server: RedisServer): Promise<void> {
  await replicasOnline(server, 1);
}

/** Waits until a server has so many replicas that follow it. */
export async function replicasOnline({ port }: RedisServer, count: number): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const state = await redisCli(port, 'info', 'replication');
    if ((state.match(/^slave\d+:.*state=online/gm) ?? []).length >= count) return;
    await sleep(50);
  }
  throw new Error(`the server on port ${port} has fewer than ${count} replicas`);
}

/** Has redis-cli say something to a server; what it answers. */
export async function redisCli(port: number, ...words: string[]): Promise<string> {
  return (await promisify(execFile)('redis-cli', ['-p', String(port), ...words])).stdout;
}
