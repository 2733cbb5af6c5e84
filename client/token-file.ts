import { join } from 'node:path';
import { followFile, followToken, POD_DIRECTORY, readBytes } from '@armada-ts/api/servers/token-file';

/**
 * For `authorization` of `connect`: the token in a file that somebody else renews,
 * such as that of a service account in a pod of Kubernetes. It is sent as a bearer
 * token, and read again while it is in use.
 */
export function tokenFileAuthorization(path: string): () => Promise<string> {
  let token: (() => string) | undefined;
  return async () => {
    token ??= followToken(path);
    return `Bearer ${token()}`;
  };
}

/**
 * The same for a pod, in the form in which Armada's servers want it: with the
 * certificate of the cluster beside the token.
 */
export function podTokenAuthorization(directory = POD_DIRECTORY): () => Promise<string> {
  let token: (() => string) | undefined;
  let certificate: (() => string) | undefined;
  return async () => {
    token ??= followToken(join(directory, 'token'));
    certificate ??= followFile(join(directory, 'ca.crt'), (path) => readBytes(path).toString('base64url'));
    const ca = certificate();
    return `KubernetesAuth ${Buffer.from(JSON.stringify({ token: token(), ca })).toString('base64url')}`;
  };
}
