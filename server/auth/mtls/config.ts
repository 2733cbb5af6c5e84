/** What an operator can set about client certificates that say who calls. */
import { z } from 'zod';

const rule = z.strictObject({
  from: z
    .enum(['commonName', 'subject', 'dns', 'email', 'uri'])
    .describe(
      'What of the certificate is looked at: `commonName` or the whole `subject`, such as `O=Example, CN=anna`, or the alternative names of a kind, `dns`, `email` or `uri`.',
    ),
  pattern: z
    .string()
    .min(1)
    .describe('What it must be as a whole; `*` stands for any characters, such as in `executor-*`.'),
  name: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The name that its holder has here; `$1` is what the first `*` stood for, `$2` the second. By default all that was looked at.',
    ),
  groups: z.array(z.string().min(1)).default([]).describe('Groups that its holder is in.'),
  groupsFrom: z
    .enum(['organization', 'organizationalUnit'])
    .optional()
    .describe('Part of the subject whose values are groups of its holder too.'),
  authorityFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File of certificates (PEM), one of which must have signed the certificate itself. By default any that `tls.clients.authorityFile` trusts.',
    ),
});

export const mtlsSchema = z.strictObject({
  principals: z
    .array(rule)
    .min(1, 'must have at least one rule')
    .describe(
      'Rules by which certificates have names. The first that fits decides; without one nobody is let in.',
    ),
});

export type MtlsRule = z.output<typeof rule>;
export type MtlsConfig = z.output<typeof mtlsSchema>;
