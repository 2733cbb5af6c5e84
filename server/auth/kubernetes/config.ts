/** What an operator can set about tokens of a Kubernetes cluster. */
import { POD_DIRECTORY } from '@armada-ts/api/servers/token-file';
import { z } from 'zod';

const file = z.string().min(1);
const suffix = z.string().regex(/^\P{Cc}*$/u, 'must not have control characters');

export const kubernetesSchema = z.strictObject({
  server: z
    .string()
    .refine((text) => isServer(text), 'must be https://HOST, with a port and a path if need be')
    .default('https://kubernetes.default.svc')
    .describe('The API server that is asked about tokens. Default: that of the cluster this server runs in.'),
  authorityFile: file
    .default(`${POD_DIRECTORY}/ca.crt`)
    .describe(
      'Certificates, as PEM, of the authorities to trust for it, and no others. Read again for each question.',
    ),
  tokenFile: file
    .default(`${POD_DIRECTORY}/token`)
    .describe(
      'The token of this server, whose account may create `tokenreviews`. Read again while it is in use.',
    ),
  audiences: z
    .array(z.string().min(1))
    .min(1, 'must say what tokens are to be made for, such as armada')
    .describe(
      'Tokens must be made for one of these. Take none that the API server takes itself: whoever sees such a token could use it there.',
    ),
  issuer: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Bearer tokens of others are left to the next scheme, as their claim `iss` says. By default none are.',
    ),
  userNameSuffix: suffix
    .default('')
    .describe('Appended to the names of its service accounts, `system:serviceaccount:NAMESPACE:NAME`.'),
  groupNameSuffix: suffix.default('').describe('Appended to the names of their groups.'),
  cacheMs: z
    .int()
    .min(1_000)
    .max(600_000)
    .default(10_000)
    .describe(
      'After how many milliseconds the API server is asked about a token again, of which it said that it is good.',
    ),
});

export type KubernetesConfig = z.output<typeof kubernetesSchema>;

function isServer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return protocol === 'https:' && `${username}${password}${search}${hash}` === '';
}
