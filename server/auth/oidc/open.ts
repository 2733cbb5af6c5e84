import type { Clock } from '../../base/clock.ts';
import { ArmadaError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { givenAuthorities } from '../../tls/authorities.ts';
import type { Scheme } from '../chain.ts';
import type { AuthConfig } from '../config.ts';
import { isLoopbackHost, type ProviderConfig } from './config.ts';
import { createGetJson } from './get-json.ts';
import { createProviderKeys, publishedSet } from './provider-keys.ts';
import { createOidcScheme, type Provider } from './scheme.ts';

/**
 * The scheme, undefined when it is not configured. A provider that is away does
 * not keep a server from starting. Throws INVALID_REQUEST when the configuration
 * cannot be used.
 */
export async function openOidc(
  {
    schemes,
    oidc,
    permissionClaimMapping,
    roles,
  }: Pick<AuthConfig, 'schemes' | 'oidc' | 'permissionClaimMapping' | 'roles'>,
  tools: { clock: Clock; logger: Logger },
): Promise<Scheme | undefined> {
  if (!schemes.includes('oidc')) return undefined;
  if (oidc === undefined)
    throw new ArmadaError('INVALID_REQUEST', 'auth.oidc must say whose tokens are taken');
  const providers = await Promise.all(oidc.providers.map((config, index) => open(config, index, tools)));
  const deciding = [
    ...Object.values(permissionClaimMapping),
    ...Object.values(roles).map(({ claims }) => claims),
  ];
  const wanted = new Set(deciding.flatMap((claims) => Object.keys(claims)));
  return createOidcScheme({ providers, wantedClaims: [...wanted], clock: tools.clock });
}

async function open(
  config: ProviderConfig,
  index: number,
  tools: { clock: Clock; logger: Logger },
): Promise<Provider> {
  const { issuer, authorityFile } = config;
  const field = `auth.oidc.providers.${index}.authorityFile`;
  const authorities =
    authorityFile === undefined ? undefined : await givenAuthorities({ setting: field, path: authorityFile });
  const isLocal = isLoopbackHost(new URL(issuer).hostname);
  const readSet = publishedSet(issuer, createGetJson({ isLocal, authorities }));
  const keys = createProviderKeys(issuer, { readSet, ...tools });
  // Read ahead of the first call.
  keys.has('');
  return { config, keys };
}
