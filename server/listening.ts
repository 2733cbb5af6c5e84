import { isIPv4 } from 'node:net';
import { hostname } from 'node:os';
import { ConfigError } from './config.ts';

/** An address that cannot be had is the configuration's fault: it may be taken, or not be of this machine. */
export async function listening<Bound>(setting: string, listen: Promise<Bound>): Promise<Bound> {
  try {
    return await listen;
  } catch (error) {
    throw new ConfigError(`${setting}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** `host:port`, as clients take it. */
export function addressOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Whether a host stands for all addresses of the machine. */
export function isAnywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** Under which ports on a host are reached from this machine and others: what a certificate made for them is for. */
export function namesOf(host: string, others: readonly string[]): string[] {
  const own = isAnywhere(host) ? [] : [host];
  return [...new Set(['localhost', '127.0.0.1', '::1', hostname(), ...own, ...others])];
}

/** Whether a host cannot be reached from other machines. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
