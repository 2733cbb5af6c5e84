/** Whether clients go with this server, by what they say of their version. */
import { Compatibility } from '@armada-ts/api/armada/operator/v1/cluster';

/** Oldest client that is served as it should be. */
export const OLDEST_CLIENT = '0.1.0';

/** How a client's version goes with the server's, and what to do about it. */
export interface Verdict {
  compatibility: Compatibility;
  /** Empty when there is nothing to do. */
  advice: string;
}

type Version = readonly [major: number, minor: number, patch: number];

const FORM = /^v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:[-+][\w.+-]{0,64})?$/;

const UNKNOWN: Verdict = { compatibility: Compatibility.COMPATIBILITY_UNSPECIFIED, advice: '' };
const OK: Verdict = { compatibility: Compatibility.COMPATIBILITY_OK, advice: '' };

/**
 * Judges a client's version, and none that cannot be read. Of what the client
 * has said nothing but numbers is repeated.
 */
export function judgeClient(client: string, server: string, oldest = OLDEST_CLIENT): Verdict {
  const [theirs, ours, first] = [versionIn(client), versionIn(server), versionIn(oldest)];
  if (!theirs || !ours || !first) return UNKNOWN;
  if (isBefore(theirs, first)) {
    return {
      compatibility: Compatibility.COMPATIBILITY_CLIENT_TOO_OLD,
      advice: `this client is of version ${theirs.join('.')}, and the server serves ${oldest} and later: update the client`,
    };
  }
  // One minor version ahead is what an update of clients before servers makes.
  if (isBefore([ours[0], ours[1] + 1, Number.POSITIVE_INFINITY], theirs)) {
    return {
      compatibility: Compatibility.COMPATIBILITY_CLIENT_TOO_NEW,
      advice: `this client is of version ${theirs.join('.')} and the server of ${ours.join('.')}, which may not know all that it asks for: update the server, or use an older client`,
    };
  }
  return OK;
}

/** What a client is told on every call; undefined when there is nothing. Most calls come from clients of one version. */
export function createVersionNotice(server: string): (client: string) => string | undefined {
  let last: { client: string; notice: string | undefined } | undefined;
  return (client) => {
    if (last?.client === client) return last.notice;
    const { advice } = judgeClient(client, server);
    last = { client, notice: advice === '' ? undefined : advice };
    return last.notice;
  };
}

function versionIn(text: string): Version | undefined {
  const [, major, minor, patch] = FORM.exec(text) ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor), Number(patch)];
}

function isBefore(one: Version, other: Version): boolean {
  const differing = [0, 1, 2].find((place) => one[place] !== other[place]) ?? 0;
  return (one[differing] ?? 0) < (other[differing] ?? 0);
}
