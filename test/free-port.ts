// Ports for servers that must come back where they were.
import { createServer } from 'node:net';

/**
 * A port that nobody listens on now, with the one 10,000 above it, which a
 * Redis Cluster uses too. It is below those that the system gives to outgoing
 * connections: while the server is away, a client that tries to reach such a
 * port can be given the very same one, and then the server cannot have it back.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
