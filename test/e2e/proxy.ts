// A TCP proxy that does what networks do at their worst: it cuts connections,
// also in the middle of an answer, falls silent without closing anything, and
// takes its time.
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Proxy {
  /** `host:port` to connect to. */
  readonly address: string;
  /** `host:port` that new connections lead to. */
  target: string;
  /** Connections that `cut` and `cutAfter` have ended. */
  readonly cuts: number;
  /** Ends all connections there are, without a farewell. New ones are let through. */
  cut(): void;
  /** Cuts when so many more bytes of answers have passed; resolves then. */
  cutAfter(bytes: number): Promise<void>;
  /** Lets nothing through, in neither direction, and closes nothing: each side takes the other for slow. */
  blackhole(): void;
  /** Ends the silence: what was sent meanwhile arrives, in order. */
  resume(): void;
  /** Holds back whatever passes from now on for so long. */
  delay(ms: number): void;
  close(): Promise<void>;
}

interface Pair {
  near: Socket;
  far: Socket;
}

/** Starts a proxy on a free port of the loopback interface. */
export async function startProxy(target: string): Promise<Proxy> {
  const pairs = new Set<Pair>();
  let silence: PromiseWithResolvers<void> | undefined;
  let delayMs = 0;
  let cuts = 0;
  let bytesLeft = Number.POSITIVE_INFINITY;
  let cutAtBytes = (): void => {};

  /** Passes on what comes, in order, each part when it may. */
  const forward = (from: Socket, to: Socket, isAnswer: boolean): void => {
    let turn = Promise.resolve();
    const inTurn = (what: () => void): void => {
      const dueMs = performance.now() + delayMs;
      turn = turn.then(async () => {
        const waitMs = dueMs - performance.now();
        if (waitMs > 0) await sleep(waitMs);
        while (silence) await silence.promise;
        what();
      });
    };
    from.on('data', (chunk: Buffer) => {
      inTurn(() => {
        if (to.destroyed) return;
        const fitting = isAnswer ? chunk.subarray(0, bytesLeft) : chunk;
        if (isAnswer) bytesLeft -= fitting.length;
        to.write(fitting, () => {
          if (bytesLeft === 0) cutAtBytes();
        });
      });
    });
    from.on('end', () => inTurn(() => to.end()));
  };

  const server: Server = createServer((near) => {
    const far = dialTo(proxy.target);
    const pair = { near, far };
    pairs.add(pair);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        pairs.delete(pair);
        near.destroy();
        far.destroy();
      });
    }
    forward(near, far, false);
    forward(far, near, true);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();

  const proxy: Proxy = {
    address: `127.0.0.1:${typeof bound === 'object' ? bound?.port : bound}`,
    target,
    get cuts() {
      return cuts;
    },
    cut() {
      for (const { near, far } of pairs) {
        cuts++;
        near.resetAndDestroy();
        far.resetAndDestroy();
      }
    },
    cutAfter(bytes) {
      bytesLeft = bytes;
      return new Promise((resolve) => {
        cutAtBytes = () => {
          bytesLeft = Number.POSITIVE_INFINITY;
          cutAtBytes = () => {};
          proxy.cut();
          resolve();
        };
      });
    },
    blackhole() {
      silence ??= Promise.withResolvers();
    },
    resume() {
      silence?.resolve();
      silence = undefined;
    },
    delay(ms) {
      delayMs = ms;
    },
    async close() {
      proxy.cut();
      proxy.resume();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}

function dialTo(target: string): Socket {
  const at = target.lastIndexOf(':');
  return dial({ host: target.slice(0, at), port: Number(target.slice(at + 1)) });
}
