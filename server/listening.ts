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
