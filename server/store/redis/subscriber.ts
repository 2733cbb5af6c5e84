/** The one subscribing connection of this process. It begins anew, wherever that is by then, whenever it breaks or falls silent. */
import type { Redis, RedisOptions } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../base/logger.ts';
import { newClient, ready } from './node.ts';

export interface Subscriber {
  /** Hears every message on a channel; resolves when it does. What is said between two connections is missed. */
  subscribe(channel: string, hear: (message: string) => void): Promise<void>;
  close(): void;
}

/** Between two tries to subscribe. */
const SUBSCRIBE_MS = 500;

/** How often the server is asked for a sign of life: one that has forgotten the connection looks like one that has nothing to tell. */
const PING_MS = 2000;

export function createSubscriber(where: () => Promise<RedisOptions>, logger: Logger): Subscriber {
  const closing = new AbortController();
  let client: Redis | undefined;

  /** Subscribes. Resolves to what resolves when the connection has ended. */
  async function begin(channel: string, hear: (message: string) => void): Promise<{ ended: Promise<void> }> {
    const options = await where();
    closing.signal.throwIfAborted();
    const begun = newClient({ ...options, retryStrategy: () => null });
    client = begun;
    const ended = new Promise<void>((resolve) => begun.once('end', resolve));
    begun.on('error', (error: Error) => logger.debug({ err: error }, 'the subscription to Redis has failed'));
    begun.on('message', (_: string, message: string) => hear(message));
    await ready(begun);
    await begun.subscribe(channel);
    // An answer that does not come ends the connection.
    const timer = setInterval(() => void begun.ping().catch(() => {}), PING_MS).unref();
    void ended.then(() => clearInterval(timer));
    return { ended };
  }

  async function keep(first: Promise<void>, channel: string, hear: (message: string) => void): Promise<void> {
    let ended = first;
    while (!closing.signal.aborted) {
      await ended;
      await sleep(SUBSCRIBE_MS, undefined, { signal: closing.signal, ref: false }).catch(() => {});
      if (closing.signal.aborted) return;
      try {
        ({ ended } = await begin(channel, hear));
      } catch (error) {
        ended = Promise.resolve();
        logger.debug({ err: error }, 'subscribing to Redis has failed; trying again');
      }
    }
  }

  return {
    async subscribe(channel, hear) {
      const { ended } = await begin(channel, hear);
      void keep(ended, channel, hear);
    },
    close() {
      closing.abort();
      client?.disconnect();
    },
  };
}
