import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { followToken } from '@armada-ts/api/servers/token-file';

/** Where Kubernetes puts what is of the service account of a pod. */
const POD_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

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
  return async () => {
    token ??= followToken(join(directory, 'token'));
    const ca = readFileSync(join(directory, 'ca.crt')).toString('base64url');
    return `KubernetesAuth ${Buffer.from(JSON.stringify({ token: token(), ca })).toString('base64url')}`;
  };
}
