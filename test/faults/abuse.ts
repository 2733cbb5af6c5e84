// A server that is abused, and somebody else who uses it meanwhile: what the
// abuse does to them is measured before, during and after.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createQueue } from '@armada-ts/client';
import { type Standalone, startStandalone } from '../e2e/programs.ts';
import { type Seen, startBystander } from './bystander.ts';
import { percentile } from './percentile.ts';
import { cpuMeter, rssBytes, watchRss } from './server-meter.ts';

const QUEUE = 'bystander';

const CALM_MS = 500;

/** Fewer calls of the bystander say nothing; they are waited for so long. */
const MIN_CALLS = 10;
const WAIT_MS = 10_000;
const LOOK_MS = 50;

/** Of what a server said that did not survive. */
const SHOWN_LINES = 30;

/** What was seen of a time. */
export interface Impact {
  /** Of the bystander's calls. */
  calls: number;
  p50Ms: number;
  p99Ms: number;
  faults: string[];
  /** The most the server held. */
  rssMib: number;
  /** CPU time of the server. */
  cpuMs: number;
}

export interface Abused extends AsyncDisposable {
  readonly server: Standalone;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly queue: string;
  /** Before anything was done to it. */
  readonly calm: Impact;
  /** Runs an attack and tells what it did to others. */
  during<Result>(attack: () => Promise<Result>): Promise<{ impact: Impact; result: Result }>;
  rssMib(): number;
  /** Files and connections that the server has open. */
  openFiles(): number;
}

/** Starts a server that runs nothing. */
export async function startAbused(directory: string): Promise<Abused> {
  return await abuse(await startStandalone(directory, ['--nodes', '0']));
}

/**
 * Sets somebody beside a server that has started, and is ended with what comes back.
 * @param authorization of who makes a queue and asks for it; none when left out
 */
export async function abuse(server: Standalone, authorization?: string): Promise<Abused> {
  const { address, url } = server;
  using connection = connect({ address, ...(authorization && { authorization: async () => authorization }) });
  await createQueue(connection, { name: QUEUE });
  const bystander = await startBystander({ address, url, queue: QUEUE, authorization });
  const pid = server.process.pid ?? 0;
  await sleep(CALM_MS);
  await bystander.look();
  const during: Abused['during'] = async (attack) => {
    const cpu = cpuMeter(pid);
    const rss = watchRss(pid);
    const result = await attack();
    if (server.process.exitCode !== null || server.process.signalCode !== null) {
      throw new Error(`the server is gone:\n${server.lines.slice(-SHOWN_LINES).join('\n')}`);
    }
    const seen = await bystander.look();
    // Those that an attack holds up are over after it only.
    for (const untilMs = performance.now() + WAIT_MS; seen.latenciesMs.length < MIN_CALLS; ) {
      if (performance.now() > untilMs) break;
      await sleep(LOOK_MS);
      const more = await bystander.look();
      seen.latenciesMs.push(...more.latenciesMs);
      seen.faults.push(...more.faults);
    }
    return { result, impact: impactOf(seen, { cpuMs: cpu(), rssBytes: rss.stop() }) };
  };
  const { impact: calm } = await during(() => sleep(CALM_MS));
  return {
    server,
    grpcPort: portOf(address),
    httpPort: portOf(url),
    queue: QUEUE,
    calm,
    during,
    rssMib: () => mib(rssBytes(pid)),
    openFiles: () => readdirSync(`/proc/${pid}/fd`).length,
    [Symbol.asyncDispose]: async () => {
      await bystander[Symbol.asyncDispose]();
      await server.kill('SIGKILL');
    },
  };
}

function impactOf(
  { latenciesMs, faults }: Seen,
  { cpuMs, rssBytes: bytes }: { cpuMs: number; rssBytes: number },
): Impact {
  return {
    calls: latenciesMs.length,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    faults,
    rssMib: mib(bytes),
    cpuMs,
  };
}

/** In a line. */
export function showImpact({ calls, p50Ms, p99Ms, rssMib, cpuMs }: Impact): string {
  const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
  return `others: ${calls} calls, p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}; server: ${rssMib} MiB, ${cpuMs} ms CPU`;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

function mib(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
