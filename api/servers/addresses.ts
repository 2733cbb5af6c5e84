/**
 * Server addresses as people write them: `host:port`, or several of them with
 * commas between, in the order in which they are to be tried.
 */

/** An address that cannot be dialled; the message says what to write instead. */
export class AddressFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AddressFault';
  }
}

/** gRPC's own notation, which is handed on as it is: `unix:/run/a.sock`, `dns:///host:1`. */
const WITH_SCHEME = /^(?:unix(?:-abstract)?:|(?:dns|ipv4|ipv6):\/\/)/;
const LARGEST_PORT = 65_535;

/** Each address once, in order. Throws AddressFault. */
export function parseAddresses(text: string): string[] {
  const entries = text.split(',').map((entry) => entry.trim());
  if (entries.length > 1 && entries.includes('')) {
    throw new AddressFault(`an address between the commas is empty: "${text}"`);
  }
  return [...new Set(entries.map(checked))];
}

function checked(address: string): string {
  if (/^https?:\/\//i.test(address)) {
    throw new AddressFault(`must be host:port without a scheme, got "${address}"`);
  }
  if (WITH_SCHEME.test(address)) return address;
  const [, host, port] = /^(\[[^\]]*\]|[^:[\]]*):(\d+)$/.exec(address) ?? [];
  if (host === undefined || port === undefined) throw new AddressFault(`${form(address)}, got "${address}"`);
  if (host === '' || host === '[]') throw new AddressFault(`the host is missing: "${address}"`);
  if (Number(port) < 1 || Number(port) > LARGEST_PORT) {
    throw new AddressFault(`the port must be 1 to ${LARGEST_PORT}, got "${address}"`);
  }
  return address;
}

function form(address: string): string {
  return address.split(':').length > 2 && !address.startsWith('[')
    ? 'must be host:port, an IPv6 host in brackets as in [::1]:50051'
    : 'must be host:port, or several with commas between them';
}
