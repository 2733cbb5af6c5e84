// Choices that can be made again: everything that is left to chance in a test
// follows from its seed, which is printed when it fails.

export interface Random {
  /** From 0 up to but not 1. */
  next(): number;
  /** A whole number from 0 up to but not `count`. */
  below(count: number): number;
  /** Whether something of this probability happens. */
  chance(probability: number): boolean;
  /** One of these, which must not be none. */
  pick<T>(from: readonly T[]): T;
  bytes(count: number): Buffer;
}

/** The 32-bit generator mulberry32: small, quick, and good enough to choose test cases. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const word = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const next = (): number => word() / 2 ** 32;
  const below = (count: number): number => Math.floor(next() * count);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (from) => from[below(from.length)]!,
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => word() & 0xff)),
  };
}
