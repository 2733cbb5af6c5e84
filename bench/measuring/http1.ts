// A bare connection of HTTP/1.1, with one request under way: it costs less than a
// client library.
import { once } from 'node:events';
import { connect as connectPlainly } from 'node:net';
import { connect as connectByTls, type SecureContextOptions } from 'node:tls';

export interface Http1Connection {
  /** Sends a whole request. Rejects unless the answer says 200 and has the text in its body. */
  readonly ask: (request: Uint8Array, expected: string) => Promise<void>;
  readonly close: () => void;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/**
 * @param address `host:port`
 * @param tls plain when left out
 */
export async function openHttp1(address: string, tls?: SecureContextOptions): Promise<Http1Connection> {
  const [host = '', port = ''] = address.split(':');
  const target = { host, port: Number(port), noDelay: true };
  const socket = tls ? connectByTls({ ...target, ...tls }) : connectPlainly(target);
  await once(socket, tls ? 'secureConnect' : 'connect');
  let bytes: Buffer = Buffer.alloc(0);
  let expectedText = '';
  let waiting = Promise.withResolvers<void>();
  socket.on('data', (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const headEnd = bytes.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = bytes.toString('latin1', 0, headEnd);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
    const end = headEnd + HEAD_END.length + length;
    if (bytes.length < end) return;
    const body = bytes.toString('latin1', end - length, end);
    bytes = bytes.subarray(end);
    if (head.startsWith('HTTP/1.1 200') && body.includes(expectedText)) waiting.resolve();
    else waiting.reject(new Error(`${head}\n\n${body}`));
  });
  socket.on('close', () => {
    // Nobody waits where it is we who close.
    waiting.promise.catch(() => {});
    waiting.reject(new Error('the server hung up'));
  });
  return {
    async ask(request, expected) {
      expectedText = expected;
      socket.write(request);
      await waiting.promise;
      waiting = Promise.withResolvers();
    },
    close: () => void socket.destroy(),
  };
}
