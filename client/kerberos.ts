import { hostOf } from '@armada-ts/api/servers/loopback';

/**
 * Credentials of whoever is logged in to Kerberos, for `connect`: a new ticket
 * with every call, by SPNEGO. The package "kerberos" is optional, and loaded with
 * the first call.
 * @param service whom tickets are for, at the host that is called; `HTTP` as a rule
 */
export function kerberosAuthorization(service = 'HTTP'): (address: string) => Promise<string> {
  return async (address) => {
    const kerberos = await load();
    const name = `${service}@${hostOf(address)}`;
    try {
      const client = await kerberos.initializeClient(name, { mechOID: kerberos.GSS_MECH_OID_SPNEGO });
      return `Negotiate ${await client.step('')}`;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`there is no Kerberos ticket for ${name}: ${reason}; is kinit to be run?`, {
        cause: error,
      });
    }
  };
}

/** As much of the package as is used, spelled out: where it is not installed its own types are not there either. */
interface Kerberos {
  readonly GSS_MECH_OID_SPNEGO: number;
  initializeClient(service: string, options: { mechOID: number }): Promise<KerberosClient>;
}

interface KerberosClient {
  step(challenge: string): Promise<string>;
}

async function load(): Promise<Kerberos> {
  try {
    return (await import(import.meta.resolve('kerberos'))) as Kerberos;
  } catch (error) {
    throw new Error('the optional package "kerberos" is not installed, or cannot be loaded', {
      cause: error,
    });
  }
}
