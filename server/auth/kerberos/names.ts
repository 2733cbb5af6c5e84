import type { KerberosConfig } from './config.ts';

/**
 * Who somebody with a ticket is here; undefined when nobody. Only what the
 * configuration says counts: a principal by its whole name, or a plain user of a
 * realm that is let in. A name with an instance, as in `ann/admin@EXAMPLE.COM`,
 * or with an escaped character is nobody unless it is there by its whole name.
 */
export function createNaming({
  names,
  realms,
}: Pick<KerberosConfig, 'names' | 'realms'>): (client: string) => string | undefined {
  const whole = new Map(Object.entries(names));
  const suffixes = new Map(
    Object.entries(realms).map(([realm, { userNameSuffix }]) => [realm, userNameSuffix]),
  );
  return (client) => {
    const named = whole.get(client);
    if (named !== undefined) return named;
    const plain = plainUser(client);
    const suffix = plain && suffixes.get(plain.realm);
    return plain && suffix !== undefined ? plain.user + suffix : undefined;
  };
}

/**
 * The other way about: who has this name here; undefined when nobody. Where
 * several do it is the one that is named whole, in the order of the configuration.
 */
export function createNameSearch(
  config: Pick<KerberosConfig, 'names' | 'realms'>,
): (name: string) => string | undefined {
  const nameOf = createNaming(config);
  const whole = Object.keys(config.names);
  const realms = Object.entries(config.realms);
  return (name) => {
    const plain = realms.map(
      ([realm, { userNameSuffix }]) => `${name.slice(0, name.length - userNameSuffix.length)}@${realm}`,
    );
    return [...whole, ...plain].find((client) => nameOf(client) === name);
  };
}

/** A principal that is a user and a realm and nothing else. */
export function plainUser(client: string): { user: string; realm: string } | undefined {
  const [, user, realm] = /^([^@/\\\p{Cc}]+)@([^@/\\\p{Cc}]+)$/u.exec(client) ?? [];
  return user !== undefined && realm !== undefined ? { user, realm } : undefined;
}
