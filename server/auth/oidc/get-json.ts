/**
 * Reading what a provider publishes. Where it lies is said by the provider, so
 * this goes to no address that only this machine or its network should reach,
 * follows no redirects, and reads no more and no longer than it must.
 */
import { lookup } from 'node:dns';
import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { readJson } from '../read-json.ts';
import { isLoopbackHost } from './config.ts';

export interface GetJsonOptions {
  /** The provider is on this machine, as it may be for trying out. */
  isLocal: boolean;
  /** Certificates to trust, as PEM; those of Node when undefined. */
  authorities: string | undefined;
}

export type GetJson = (url: URL) => Promise<unknown>;

const MAX_BYTES = 256 * 1024;
const TIMEOUT_MS = 5_000;

/** Rejects with an Error that says why. */
export function createGetJson({ isLocal, authorities }: GetJsonOptions): GetJson {
  const refused = refusedAddresses(isLocal);
  return async (url) => {
    const isPlain = url.protocol === 'http:';
    const isFit = isPlain ? isLocal && isLoopbackHost(url.hostname) : url.protocol === 'https:';
    if (!isFit) throw new Error(`${url.href} is no address of https`);
    refuseAddress(refused, url.hostname.replace(/^\[|\]$/g, ''));
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const options = {
      signal,
      agent: false as const,
      lookup: lookupExcept(refused),
      headers: { accept: 'application/json, application/jwk-set+json' },
      ...(authorities === undefined ? {} : { ca: authorities }),
    };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      (isPlain ? getPlain : getSecure)(url, options, resolve).on('error', reject);
    });
    try {
      if (response.statusCode !== 200) throw new Error(`${url.href} answered ${response.statusCode}`);
      return await readJson(response, MAX_BYTES);
    } finally {
      response.destroy();
    }
  };
}

/** Asked when a connection is made, so a name that leads to a refused address is refused too. */
function lookupExcept(refused: BlockList): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      try {
        if (error) throw error;
        for (const { address } of found) refuseAddress(refused, address);
        const [first] = found;
        if (options.all || first === undefined) callback(null, found);
        else callback(null, first.address, first.family);
      } catch (fault) {
        callback(fault instanceof Error ? fault : new Error(String(fault)), '');
      }
    });
  };
}

/** Throws for an address that nothing is to be read from; a name is none. */
function refuseAddress(refused: BlockList, address: string): void {
  const family = isIP(address);
  if (family === 0 || !refused.check(address, family === 6 ? 'ipv6' : 'ipv4')) return;
  throw new Error(`${address} is an address that providers must not lead to`);
}

function refusedAddresses(isLocal: boolean): BlockList {
  const list = new BlockList();
  // Of the link: among them where clouds tell machines their secrets.
  list.addSubnet('169.254.0.0', 16);
  list.addSubnet('fe80::', 10, 'ipv6');
  list.addAddress('fd00:ec2::254', 'ipv6');
  // The same by way of a network that translates.
  list.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6');
  if (isLocal) return list;
  list.addSubnet('127.0.0.0', 8);
  list.addSubnet('0.0.0.0', 8);
  list.addSubnet('::', 127, 'ipv6');
  list.addSubnet('64:ff9b::7f00:0', 104, 'ipv6');
  return list;
}
