const SCHEME = 'Bearer ';

/** For `authorization` of `connect`; a token that a server did not take is replaced. */
export interface BearerAuthorization<Args extends unknown[]> {
  (...args: Args): Promise<string>;
  refused(value: string): void;
}

/**
 * What shows tokens to servers.
 * @param drop is told of one that was refused
 */
export function bearer<Args extends unknown[]>(
  current: (...args: Args) => Promise<string>,
  drop: (token: string) => void,
): BearerAuthorization<Args> {
  return Object.assign(async (...args: Args) => `${SCHEME}${await current(...args)}`, {
    refused: (value: string) => drop(value.slice(SCHEME.length)),
  });
}
