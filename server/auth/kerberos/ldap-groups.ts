/**
 * Groups of users from a directory. Look-ups are few at a time, bounded and
 * remembered for a while; while the directory is away, what it said last holds
 * for longer. A user of whom nothing is known is not let in without groups: it
 * would look as if rights had been taken away.
 */
import { readFileSync } from 'node:fs';
import { Client, type Entry, Filter } from 'ldapts';
import type { Clock } from '../../base/clock.ts';
import { ArmadaError } from '../../base/errors.ts';
import { keepNewest } from '../../base/keep-newest.ts';
import type { Logger } from '../../base/logger.ts';
import { createGate } from '../gate.ts';
import type { LdapConfig } from './config.ts';
import { plainUser } from './names.ts';

export interface Groups {
  /** Of a client, named as `NAME@REALM`. Throws UNAVAILABLE when they cannot be known, OVERLOADED when too many ask. */
  of(client: string): Promise<readonly string[]>;
  /** What is known of them at once; looked up anew, for the next time, when it is old. */
  lastKnown(client: string): readonly string[] | undefined;
}

const LOOKUPS_AT_ONCE = 4;
const MAX_WAITING = 200;
const TIMEOUT_MS = 5_000;
/** While the directory is away what it said is believed for so long. */
const BRIDGE_MS = 60 * 60_000;
const MAX_REMEMBERED = 10_000;
/** Whoever is in more is refused: with some of them left out nobody could tell why. */
const MAX_GROUPS = 2_000;

interface Known {
  groups: readonly string[];
  atMs: number;
}

export function createLdapGroups(
  config: LdapConfig,
  { clock, logger }: { clock: Clock; logger: Logger },
): Groups {
  const known = new Map<string, Known>();
  const asking = new Map<string, Promise<readonly string[]>>();
  const gate = createGate(LOOKUPS_AT_ONCE, MAX_WAITING);
  const ask = askerOf(config);

  function isFresh({ atMs }: Known): boolean {
    return clock.elapsed() - atMs < config.cacheMs;
  }

  async function lookUp(client: string, user: string): Promise<readonly string[]> {
    const last = known.get(client);
    try {
      const groups = await gate([client], () => ask(user, client));
      remember(client, groups);
      return groups;
    } catch (error) {
      if (error instanceof ArmadaError) throw error;
      logger.warn({ err: error, url: config.url }, 'groups cannot be looked up in the directory');
      if (last && clock.elapsed() - last.atMs < BRIDGE_MS) return last.groups;
      throw new ArmadaError('UNAVAILABLE', 'the directory that knows your groups does not answer', {
        retryAfterMs: 1000,
      });
    } finally {
      asking.delete(client);
    }
  }

  function remember(client: string, groups: readonly string[]): void {
    keepNewest(known, client, { groups, atMs: clock.elapsed() }, MAX_REMEMBERED);
  }

  function groupsOf(client: string): Promise<readonly string[]> | readonly string[] {
    const found = known.get(client);
    if (found && isFresh(found)) return found.groups;
    const plain = plainUser(client);
    if (plain?.realm !== config.realm) return [];
    const looking = asking.get(client) ?? lookUp(client, plain.user);
    asking.set(client, looking);
    return looking;
  }

  return {
    of: async (client) => groupsOf(client),
    lastKnown(client) {
      const found = known.get(client);
      if (found && !isFresh(found)) Promise.resolve(groupsOf(client)).catch(() => {});
      return found?.groups;
    },
  };
}

type Ask = (name: string, principal: string) => Promise<readonly string[]>;

/** Asks over a connection of its own: whoever asks seldom keeps none that may have died unnoticed. */
function askerOf(config: LdapConfig): Ask {
  const secure = config.url.startsWith('ldaps:');
  const tlsOptions = {
    ...(config.authorityFile && { ca: readFileSync(config.authorityFile) }),
    minVersion: 'TLSv1.2' as const,
  };
  return async (name, principal) => {
    const client = new Client({
      url: config.url,
      timeout: TIMEOUT_MS,
      connectTimeout: TIMEOUT_MS,
      ...(secure && { tlsOptions }),
    });
    try {
      if (config.startTls) await client.startTLS(tlsOptions);
      if (config.bindName !== undefined && config.bindPasswordFile !== undefined)
        await client.bind(config.bindName, readFileSync(config.bindPasswordFile, 'utf8').trimEnd());
      return await search(client, config, { name, principal });
    } finally {
      await client.unbind().catch(() => {});
    }
  };
}

async function search(
  client: Client,
  config: LdapConfig,
  values: { name: string; principal: string },
): Promise<string[]> {
  const { userSearchBase, groupSearchBase, groupNameAttribute } = config;
  let dn = '';
  if (userSearchBase !== undefined) {
    const filter = filled(config.userFilter, values);
    const found = await client.search(userSearchBase, { filter, attributes: ['1.1'], sizeLimit: 2 });
    const [user, another] = found.searchEntries;
    if (another) throw new Error(`${filter} finds several entries below ${userSearchBase}`);
    if (!user) return [];
    dn = user.dn;
  }
  const { searchEntries } = await client.search(groupSearchBase, {
    filter: filled(config.groupFilter, { ...values, dn }),
    attributes: [groupNameAttribute],
    paged: true,
  });
  if (searchEntries.length > MAX_GROUPS)
    throw new Error(`${values.principal} is in more than ${MAX_GROUPS} groups`);
  return searchEntries
    .flatMap((entry) => nameOf(entry, groupNameAttribute) ?? [])
    .map((group) => group + config.groupNameSuffix);
}

/** What stands for a place in a filter means nothing there but itself. */
function filled(filter: string, values: Readonly<Record<string, string>>): string {
  return filter.replaceAll(/\{(\w+)\}/g, (place, key: string) => {
    const value = values[key];
    return value === undefined ? place : Filter.escape(value);
  });
}

/** The first, where there are several. */
function nameOf(entry: Entry, attribute: string): string | undefined {
  const value = entry[attribute];
  const first = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' && first !== '' ? first : undefined;
}
