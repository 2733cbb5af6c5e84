import { isLoopback } from '@armada-ts/api/servers/loopback';

/**
 * Armada's rule, a little stricter: TLS unless told otherwise or the server is
 * on this machine. Armada looks for "localhost" anywhere in the address, which
 * would send credentials in the clear to localhost.example.com.
 */
export function usesTls(address: string, forceNoTls: boolean): boolean {
  return !forceNoTls && !isLoopback(address);
}
