import { z } from 'zod';

const realm = z.string().regex(/^[^@/\\\s\p{Cc}]+$/u, 'must be the name of a realm, such as EXAMPLE.COM');
const name = z.string().regex(/^[^\p{Cc}]+$/u, 'must be a name without control characters');

const LOOPBACK = /^ldap:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?\/?$/;

const ldapSchema = z
  .strictObject({
    url: z
      .string()
      .regex(/^ldaps?:\/\/[^/?#\s]+\/?$/, 'must be ldaps://HOST or ldap://HOST, with a port if need be')
      .describe('Directory that knows who is in which group.'),
    startTls: z.boolean().default(false).describe('Begin TLS on a connection of `ldap://`.'),
    authorityFile: z
      .string()
      .min(1)
      .optional()
      .describe('Certificates, as PEM, of the authorities to trust; those of Node when left out.'),
    realm: realm.describe('Realm whose users it knows. Users of other realms are in no group.'),
    bindName: z.string().optional().describe('As whom to ask; anonymously when left out.'),
    bindPasswordFile: z.string().min(1).optional().describe('File with the password for that.'),
    userSearchBase: z
      .string()
      .optional()
      .describe('Where users are looked for; left out where groups name their members by user name.'),
    userFilter: z
      .string()
      .default('(uid={name})')
      .describe(
        'Finds the one entry of a user: `{name}` is the user name, `{principal}` has the realm too. For Active Directory `(sAMAccountName={name})`.',
      ),
    groupSearchBase: z.string().describe('Where groups are looked for.'),
    groupFilter: z
      .string()
      .default('(member={dn})')
      .describe(
        'Finds the groups of a user: as above, and `{dn}` is the name of their entry. For groups of POSIX `(memberUid={name})`.',
      ),
    groupNameAttribute: z.string().min(1).default('cn').describe('Attribute that names a group.'),
    groupNameSuffix: z.string().default('').describe('Appended to the names of groups.'),
    cacheMs: z
      .int()
      .min(1000)
      .default(5 * 60_000)
      .describe('How long groups are believed before they are looked up again, in milliseconds.'),
  })
  .refine(
    ({ url, startTls }) => url.startsWith('ldaps:') || startTls || LOOPBACK.test(url),
    'must use ldaps:// or startTls: anybody on the way could say who is in which group',
  )
  .refine(
    ({ groupFilter, userSearchBase }) => !groupFilter.includes('{dn}') || userSearchBase !== undefined,
    'must have a userSearchBase, as groupFilter asks for {dn}',
  )
  .refine(
    ({ bindName, bindPasswordFile }) => (bindName === undefined) === (bindPasswordFile === undefined),
    'must have both of bindName and bindPasswordFile, or none',
  );

export type LdapConfig = z.output<typeof ldapSchema>;

/** Whose tickets are taken, and who they are here. */
export const kerberosSchema = z.strictObject({
  keytab: z.string().min(1).describe('File with the keys of the service, readable by the server alone.'),
  principals: z
    .array(
      z.string().regex(/^[^/@\s]+\/[^/@\s]+@[^/@\s]+$/, 'must be like HTTP/armada.example.com@EXAMPLE.COM'),
    )
    .min(1)
    .describe(
      'Service that tickets must be for, as `HTTP/HOST@REALM` with the host name that clients use; one for each such name. Tickets for others are refused, even if their key is in the keytab.',
    ),
  realms: z
    .record(
      realm,
      z.strictObject({
        userNameSuffix: z.string().default('').describe('Appended to the names of its users.'),
      }),
    )
    .default({})
    .refine(
      (realms) =>
        new Set(Object.values(realms).map(({ userNameSuffix }) => userNameSuffix)).size ===
        Object.keys(realms).length,
      'must give each realm a userNameSuffix of its own, as people in two realms may have one name',
    )
    .describe(
      'Realms whose users are let in: `ann@EXAMPLE.COM` becomes `ann` with the suffix of `EXAMPLE.COM`. Principals with an instance, as `ann/admin@EXAMPLE.COM`, are not users.',
    ),
  names: z
    .record(z.string().min(3), name)
    .default({})
    .describe('Single principals that are let in, and what they are called here. They come before `realms`.'),
  processes: z
    .int()
    .min(1)
    .max(16)
    .default(2)
    .describe('How many processes check tickets, apart from the server, which they cannot take down.'),
  ldap: ldapSchema.optional().describe('Groups of users from a directory; without it nobody is in any.'),
});

export type KerberosConfig = z.output<typeof kerberosSchema>;
