import { kubernetesSchema } from '../config.ts';
import { createKubernetesScheme } from '../scheme.ts';
import type { Review } from '../api-server.ts';

export const NAME = 'system:serviceaccount:jobs:runner';
export const GOOD: Review = {
  isAuthenticated: true,
  name: NAME,
  groups: ['system:serviceaccounts', 'system:serviceaccounts:jobs'],
  audiences: ['armada'],
};
export const NOT_GOOD: Review = { isAuthenticated: false, name: '', groups: [], audiences: [] };

let made = 0;
/** A token that says it is good for an hour; no two are the same. */
export function token(claims: object = {}): string {
  const about = { sub: NAME, aud: ['armada'], exp: 3_600, jti: String(made++), ...claims };
  return `e30.${Buffer.from(JSON.stringify(about)).toString('base64url')}.eA`;
}

/** The scheme, which believes all signatures, with an API server that says what it is told to, and a clock. */
export function openTold(settings: object = {}) {
  const world = {
    nowMs: 0,
    asked: [] as string[],
    answer: async (): Promise<Review> => GOOD,
  };
  const clock = { now: () => world.nowMs, elapsed: () => world.nowMs };
  const config = kubernetesSchema.parse({ audiences: ['armada'], ...settings });
  const review = (asked: string) => {
    world.asked.push(asked);
    return world.answer();
  };
  const scheme = createKubernetesScheme(config, { demandSigned: async () => {}, review, clock });
  const login = async (value: string, peer = '10.0.0.1:1') =>
    scheme.authenticate(value, { peer, certificate: undefined });
  return { world, scheme, login };
}
