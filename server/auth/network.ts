/** Where callers come from, as far as those who count them tell places apart. */
import { isIPv6 } from 'node:net';

/** Of IPv6, whoever has one address has as many as they like, with these groups in common. */
const GROUPS_OF_NETWORK = 4;

/**
 * The place that a client is counted under: an address of IPv4, or the first
 * half of one of IPv6. Whatever is no address is a place of its own.
 * @param peer an address with or without a port; of IPv6 without a port in brackets
 */
export function networkOf(peer: string): string {
  const address = plainAddress(/^\[(.*)\]/.exec(peer)?.[1] ?? peer.replace(/:\d+$/, ''));
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    groups.push(...Array.from({ length: 8 - groups.length - after.length }, () => '0'), ...after);
  }
  const network = groups.slice(0, GROUPS_OF_NETWORK).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}

/** Addresses of IPv4 look like themselves, also on sockets of IPv6. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
