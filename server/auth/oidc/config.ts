/** What an operator can set about access tokens of OpenID Connect providers. */
import { z } from 'zod';

/** Signatures that only the provider can make: with a shared key whoever checks tokens could make them too. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

const claim = z.string().min(1);
const suffix = z.string().regex(/^\P{Cc}*$/u, 'must not have control characters');

const provider = z.strictObject({
  issuer: z
    .string()
    .refine(
      (text) => isIssuer(text),
      'must be https://HOST, with a path if need be; http:// goes on loopback only',
    )
    .describe(
      'Who issues the tokens, exactly as their claim `iss` says. What it publishes under `.well-known/openid-configuration` says where its keys are.',
    ),
  audience: z
    .array(z.string().min(1))
    .min(1)
    .describe('Tokens must be made for one of these, as their claim `aud` says.'),
  clients: z
    .array(z.string().min(1))
    .optional()
    .describe(
      'Clients whose tokens are taken, as their claim `azp` or `client_id` says. By default of all; a token with several audiences must name its client.',
    ),
  algorithms: z
    .array(z.enum(ALGORITHMS))
    .min(1)
    .default(['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'])
    .describe('Ways of signing that are taken.'),
  tokenTypes: z
    .array(z.enum(['at+jwt', 'JWT']))
    .min(1)
    .default(['at+jwt'])
    .describe(
      'Kinds of token that are taken, as their header `typ` says: `at+jwt` is an access token by RFC 9068. `JWT` is for providers that do not tell the kind; what has the marks of an id token is refused all the same.',
    ),
  nameClaim: claim
    .default('sub')
    .describe(
      'Claim that names the user. Take one that users cannot change and that is given to nobody else.',
    ),
  userNameSuffix: suffix.default('').describe('Appended to the names of its users.'),
  groupsClaim: claim
    .optional()
    .describe(
      'Claim with the groups of the user, a text or a list of texts: the one of this very name, else the one that dots lead to, as in `realm_access.roles`. By default nobody is in any.',
    ),
  groupNameSuffix: suffix.default('').describe('Appended to the names of its groups.'),
  authorityFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Certificates, as PEM, of the authorities to trust for the provider; those of Node when left out.',
    ),
});

export type ProviderConfig = z.output<typeof provider>;

export const oidcSchema = z.strictObject({
  providers: z
    .array(provider)
    .min(1, 'must name at least one provider')
    .refine(
      (all) => new Set(all.map(({ issuer }) => issuer)).size === all.length,
      'must name each issuer once',
    )
    .refine(
      (all) => new Set(all.map(({ userNameSuffix }) => userNameSuffix)).size === all.length,
      'must give each provider a userNameSuffix of its own, as people of two may have one name',
    )
    .describe('Whose tokens are taken. A token goes to the provider that it names, and to no other.'),
});

export type OidcConfig = z.output<typeof oidcSchema>;

/** Whether the host is this machine by its very name. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  if (`${username}${password}${search}${hash}` !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname));
}
