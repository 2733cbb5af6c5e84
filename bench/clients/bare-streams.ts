// The peer of the watchers benchmark: an HTTP/2 server that does nothing but
// write encoded events to every stream there is, one event a write, as a server
// does that joins nothing.
import { createServer, type ServerHttp2Stream } from 'node:http2';
import { serveLoad } from '../measuring/processes.ts';

export type BareStreamsOrder =
  /** Takes the length-prefixed events; whoever connects gets the first of them at once. */
  | { kind: 'offer'; bytes: Uint8Array; first: number }
  /** Writes all others to all streams. */
  | { kind: 'send' };

let events: Buffer[] = [];
let first = 0;
let streams: ServerHttp2Stream[] = [];

const server = createServer((_, response) => {
  const { stream } = response;
  stream.on('error', () => {});
  stream.on('close', () => {
    streams = streams.filter((one) => one !== stream);
  });
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
  stream.write(Buffer.concat(events.slice(0, first)));
  streams.push(stream);
});
const listening = new Promise<string>((resolve) => {
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    resolve(typeof address === 'object' && address ? `127.0.0.1:${address.port}` : '');
  });
});

serveLoad<BareStreamsOrder, { address: string }>(async (order) => {
  if (order.kind === 'offer') {
    events = cut(Buffer.from(order.bytes));
    ({ first } = order);
  } else await Promise.all(streams.map(send));
  return { address: await listening };
});

async function send(stream: ServerHttp2Stream): Promise<void> {
  for (const event of events.slice(first)) {
    await new Promise<void>((resolve) => stream.write(event, () => resolve()));
  }
}

function cut(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    found.push(bytes.subarray(at, end));
    at = end;
  }
  return found;
}
