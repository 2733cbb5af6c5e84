import { z } from 'zod';
import { executorBindingsSchema } from './executor-bindings.ts';
import { kerberosSchema } from './kerberos/config.ts';
import { kubernetesSchema } from './kubernetes/config.ts';
import { mtlsSchema } from './mtls/config.ts';
import { oidcSchema } from './oidc/config.ts';
import { tokenSchema } from './keys/config.ts';
import { PERMISSIONS, type Permission } from './permissions.ts';
import { parsePasswordHash } from './password.ts';
import { EVERYONE } from './principal.ts';
import { rolesSchema } from './roles.ts';
import { parseNetwork } from './trusted-proxies.ts';

const mapping = z.partialRecord(z.enum(PERMISSIONS), z.array(z.string().min(1))).default({});

const user = z.strictObject({
  password: z
    .string()
    .refine(
      (text) => parsePasswordHash(text) !== undefined,
      'must be scrypt$N$r$p$salt$hash, with salt and hash in base64',
    )
    .describe('Hash of the password, as `scrypt$N$r$p$salt$hash` with salt and hash in base64.'),
  groups: z.array(z.string().min(1)).default([]).describe('Groups the user is in, besides `everyone`.'),
});

/** Users by name, in the configuration and in the file of users. */
export const usersSchema = z.record(
  z.string().regex(/^[^:\p{Cc}]+$/u, "must be a name without ':' and control characters"),
  user,
);

export const trustedProxiesSchema = z
  .array(
    z
      .string()
      .refine(
        (text) => parseNetwork(text) !== undefined,
        'must be an address or a network, such as 10.0.0.0/8',
      ),
  )
  .default([])
  .describe(
    'Addresses and networks of proxies, such as `10.0.0.7` or `10.0.0.0/8`, whose header `X-Forwarded-For` says who calls: that counts for guesses and stands in the logs. Of others it is not looked at.',
  );

/** Who is let in, and what they may do. */
export const authSchema = z.strictObject(
  {
    schemes: z
      .array(z.enum(['basic', 'oidc', 'kerberos', 'mtls', 'token', 'kubernetes', 'anonymous']))
      .min(1, 'must name at least one scheme, such as basic')
      .refine((names) => new Set(names).size === names.length, 'must name each scheme once')
      .describe(
        'Ways to say who you are, tried in this order. `anonymous` lets in whoever presents no credentials; wrong credentials never fall back to it.',
      ),
    allowAnonymousFromNetwork: z
      .boolean()
      .default(false)
      .describe(
        'Whether `anonymous` may be offered where `host` is no loopback address, or `trustedProxies` bring calls. Without it such a server does not start.',
      ),
    basic: z
      .strictObject({
        users: usersSchema.default({}).describe('Users by name.'),
        usersFile: z
          .string()
          .min(1)
          .optional()
          .describe(
            'A YAML file of further users, in the form of `users`, as `armadactl user` writes it. Changes count within seconds.',
          ),
      })
      .prefault({})
      .describe('User names and passwords.'),
    token: tokenSchema
      .prefault({})
      .describe('Access keys, and the tokens that they are exchanged for, see [security](security.md).'),
    oidc: oidcSchema
      .optional()
      .describe('Access tokens of OpenID Connect providers, see [security](security.md).'),
    kerberos: kerberosSchema.optional().describe('Tickets of Kerberos, see [security](security.md).'),
    kubernetes: kubernetesSchema
      .optional()
      .describe('Tokens of service accounts of a Kubernetes cluster, see [security](security.md).'),
    mtls: mtlsSchema.optional().describe('Client certificates, see [security](security.md).'),
    permissionGroupMapping: mapping.describe(
      'Global permissions and the groups that have them. Everybody is in `everyone`.',
    ),
    permissionScopeMapping: mapping.describe('Global permissions and the token scopes that have them.'),
    permissionClaimMapping: z
      .partialRecord(
        z.enum(PERMISSIONS),
        z.record(z.string().min(1), z.array(z.string().min(1)).min(1, 'must name the values that count')),
      )
      .default({})
      .describe(
        'Global permissions and the claims of OpenID Connect tokens that have them: a claim by its name, with the values that count, such as `{ cordon_queue: { role: [lead] } }`.',
      ),
    roles: rolesSchema
      .default({})
      .describe(
        'Sets of global permissions by a name, and who has them, as `{ permissions, users, groups, scopes, claims }`.',
      ),
    executors: executorBindingsSchema
      .optional()
      .describe(
        'Which executors those may be who may execute jobs, as `{ users, groups, executors }` with ids in which `*` stands for any characters. With a list, whoever is not in it may only be the executor of their own name; without one, anybody may be any.',
      ),
  },
  {
    error: ({ input }) =>
      input === undefined
        ? 'must be there and say who is let in, such as { schemes: [basic], ... }'
        : undefined,
  },
);

export type AuthConfig = z.output<typeof authSchema>;

/** For one user on their own machine: no credentials, every permission. Only ever for a loopback address. */
export const standaloneAuth = {
  schemes: ['anonymous'],
  permissionGroupMapping: Object.fromEntries(
    PERMISSIONS.map((permission) => [permission, [EVERYONE]]),
  ) as Record<Permission, string[]>,
} satisfies z.input<typeof authSchema>;
