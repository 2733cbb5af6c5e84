import { boundedNames } from '../base/bounded-names.ts';

/** Streams under way by method and user, as far as users are told apart. */
export interface OpenStreams {
  opened(path: string, user: string): void;
  closed(path: string, user: string): void;
  /** Users and how many streams each has of a method. */
  of(path: string): ReadonlyMap<string, number>;
}

const MAX_USERS = 200;
const NONE: ReadonlyMap<string, number> = new Map();

export function createOpenStreams(): OpenStreams {
  const byPath = new Map<string, Map<string, number>>();
  const named = boundedNames(MAX_USERS);
  const add = (path: string, user: string, change: 1 | -1): void => {
    let byUser = byPath.get(path);
    if (byUser === undefined) byPath.set(path, (byUser = new Map()));
    const name = named(user);
    byUser.set(name, (byUser.get(name) ?? 0) + change);
  };
  return {
    opened: (path, user) => add(path, user, 1),
    closed: (path, user) => add(path, user, -1),
    of: (path) => byPath.get(path) ?? NONE,
  };
}
