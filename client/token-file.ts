import { followToken } from '@armada-ts/api/servers/token-file';

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
