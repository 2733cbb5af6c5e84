import { hostOf } from './address.ts';

/**
 * Credentials of whoever is logged in to Kerberos, for `connect`: a new ticket
 * with every call, by SPNEGO. The package "kerberos" is optional, and loaded with
 * the first call.
 * @param service whom tickets are for, at the host that is called; `HTTP` as a rule
 */
export function kerberosAuthorization(service = 'HTTP'): (address: string) => Promise<string> {
  return async (address) => {
    const { initializeClient, GSS_MECH_OID_SPNEGO } = await load();
    const name = `${service}@${hostOf(address)}`;
    try {
      const client = await initializeClient(name, { mechOID: GSS_MECH_OID_SPNEGO });
      return `Negotiate ${await client.step('')}`;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`there is no Kerberos ticket for ${name}: ${reason}; is kinit to be run?`, {
        cause: error,
      });
    }
  };
}

async function load() {
  try {
    return await import('kerberos');
  } catch (error) {
    throw new Error('the optional package "kerberos" is not installed, or cannot be loaded', {
      cause: error,
    });
  }
}
