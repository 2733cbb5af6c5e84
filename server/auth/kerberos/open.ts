import type { Clock } from '../../base/clock.ts';
import { ArmadaError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Scheme } from '../chain.ts';
import type { AuthConfig } from '../config.ts';
import { startAcceptors } from './acceptors.ts';
import { createKerberosScheme } from './scheme.ts';

/**
 * The scheme with the processes that it needs; undefined when it is not
 * configured. Throws INVALID_REQUEST, with one clear sentence, when it cannot be
 * used: without the optional package, or without its keys.
 */
export async function openKerberos(
  { schemes, kerberos }: Pick<AuthConfig, 'schemes' | 'kerberos'>,
  { clock, logger }: { clock: Clock; logger: Logger },
): Promise<(Scheme & AsyncDisposable) | undefined> {
  if (!schemes.includes('kerberos')) return undefined;
  if (kerberos === undefined)
    throw new ArmadaError('INVALID_REQUEST', 'auth.kerberos must say which keys there are');
  const { keytab, principals, processes, ldap } = kerberos;
  // Loaded where it is asked for: it takes longer than much of the rest of the start.
  const groups = ldap && (await import('./ldap-groups.ts')).createLdapGroups(ldap, { clock, logger });
  const acceptors = await startAcceptors({ keytab, principals, processes, logger });
  const scheme = createKerberosScheme(kerberos, { acceptors, groups, clock });
  return { ...scheme, [Symbol.asyncDispose]: () => acceptors[Symbol.asyncDispose]() };
}
