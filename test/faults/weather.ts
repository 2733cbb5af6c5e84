// Bad weather on a line: what a network does to it for a while, one kind after another.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Proxy } from '../e2e/proxy.ts';
import type { Random } from './random.ts';

/** Begins on all proxies of a line; resolves with what ends it. */
type Weather = (proxies: readonly Proxy[], random: Random) => () => void | Promise<void>;

/** Longest time between two resets, and most bytes of answers between them. */
const RESET_MS = 400;
const RESET_BYTES = 4_000;
const REPLAY_MS = 400;

const silence =
  (direction: 'requests' | 'answers', fate: 'held' | 'swallowed'): Weather =>
  (proxies) => {
    for (const proxy of proxies) proxy.silence(direction, fate);
    return () => {
      for (const proxy of proxies) proxy.resume();
    };
  };

/** Does something again and again until the weather ends. */
const again =
  (act: (proxy: Proxy, random: Random) => Promise<unknown>): Weather =>
  (proxies, random) => {
    let isOver = false;
    const acting = proxies.map(async (proxy) => {
      while (!isOver) await act(proxy, random);
    });
    return async () => {
      isOver = true;
      await Promise.all(acting);
    };
  };

export const WEATHERS: Readonly<Record<string, Weather>> = {
  'requests held': silence('requests', 'held'),
  'answers held': silence('answers', 'held'),
  'requests swallowed': silence('requests', 'swallowed'),
  'answers swallowed': silence('answers', 'swallowed'),
  '64 kbit/s': (proxies) => {
    for (const proxy of proxies) proxy.throttle(64_000);
    return () => {
      for (const proxy of proxies) proxy.throttle();
    };
  },
  'resets in the middle of answers': again(async (proxy, random) => {
    const cut = proxy.cutAfter(1 + random.below(RESET_BYTES));
    await Promise.race([cut, sleep(2 * RESET_MS)]);
    proxy.cut();
    await sleep(random.below(RESET_MS));
  }),
  'requests delivered twice': again(async (proxy) => {
    proxy.cut();
    await sleep(REPLAY_MS);
    await proxy.replay();
  }),
};
