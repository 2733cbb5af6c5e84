/**
 * Who calls by way of a proxy. What `X-Forwarded-For` says is believed as far as
 * those who said it are trusted: each proxy adds the address that it was called
 * from at the end, and what stands before the first that is not a trusted proxy's
 * was written by whoever calls.
 */
import { BlockList, isIP, isIPv6 } from 'node:net';
import { plainAddress } from './network.ts';

/** Tells where a call comes from, by the peer of its connection and all values of `X-Forwarded-For`. */
export type FindClient = (peer: string, forwarded: readonly string[]) => string;

/** Undefined where no proxy is trusted, so that nobody looks at a header. */
export function createClientFinder(trustedProxies: readonly string[]): FindClient | undefined {
  if (trustedProxies.length === 0) return undefined;
  const trusted = new BlockList();
  for (const each of trustedProxies) {
    const { address, bits, family } = parseNetwork(each) ?? {};
    if (address !== undefined && bits !== undefined) trusted.addSubnet(address, bits, family);
  }
  const isTrusted = (address: string): boolean => trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

  return (peer, forwarded) => {
    let client = peer;
    let address = addressIn(peer);
    const hops = forwarded.join(',').split(',');
    while (address !== undefined && isTrusted(address)) {
      const hop = addressIn(hops.pop()?.trim() ?? '');
      if (hop === undefined) break;
      address = hop;
      client = isIPv6(hop) ? `[${hop}]` : hop;
    }
    return client;
  };
}

/** The address of a peer or hop, which may have a port after it; undefined when there is none. */
function addressIn(text: string): string | undefined {
  const inBrackets = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1];
  const candidates = inBrackets === undefined ? [text.replace(/:\d+$/, ''), text] : [inBrackets];
  const address = candidates.find((each) => isIP(each) !== 0);
  return address === undefined ? undefined : plainAddress(address);
}

/** Undefined for what is neither an address nor a network. */
export function parseNetwork(
  text: string,
): { address: string; bits: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [, address = '', digits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const most = family === 'ipv6' ? 128 : 32;
  const bits = digits === undefined ? most : Number(digits);
  return isIP(address) === 0 || address.includes('%') || bits > most ? undefined : { address, bits, family };
}
