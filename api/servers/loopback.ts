/**
 * What an address says about itself. An address is what grpc-js dials:
 * `host:port`, `[::1]:50051`, or `unix:/path`.
 */

/** True for names and numbers that cannot leave this machine. */
export function isLoopback(address: string): boolean {
  if (address.startsWith('unix:')) return true;
  const host = hostOf(address).toLowerCase();
  return (
    host === 'localhost' || host.endsWith('.localhost') || /^127(\.\d{1,3}){3}$/.test(host) || host === '::1'
  );
}

/** The host name, or the number, without brackets. */
export function hostOf(address: string): string {
  const target = address.replace(/^(dns|ipv4|ipv6):(\/\/[^/]*\/)?/, '');
  const bracketed = /^\[([^\]]*)\]/.exec(target);
  if (bracketed?.[1] !== undefined) return bracketed[1];
  const colons = target.split(':').length - 1;
  return colons === 1 ? target.slice(0, target.indexOf(':')) : target;
}
