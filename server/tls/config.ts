/** What an operator can set about TLS on the ports of users. */
import { z } from 'zod';

/** Files of a certificate that is given; described by whoever shows it. */
const clientsSchema = z.strictObject({
  authorityFile: z
    .string()
    .min(1)
    .describe('File with the certificates (PEM) of the authorities whose client certificates are taken.'),
  revokedFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File with lists (PEM) of the certificates that they have taken back. Read again when it changes, as all of these.',
    ),
  required: z
    .boolean()
    .default(false)
    .describe(
      'Whether connections to the ports of users are refused that show no such certificate, whatever else `auth` asks for.',
    ),
});

export const tlsSchema = z
  .strictObject({
    selfSigned: z
      .boolean()
      .default(false)
      .describe(
        'Talk TLS with a certificate that the server makes at its first start, vouched for by an authority of its own.',
      ),
    certificateFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Talk TLS with the certificate in this file, the rest of its chain after it, as PEM. Read again when it changes.',
      ),
    keyFile: z.string().min(1).optional().describe('File with its private key, as PEM.'),
    directory: z
      .string()
      .min(1)
      .default('data/tls')
      .describe(
        'Where the certificates are kept that the server makes. Servers of one store share it, or are given certificates; nobody else may read it.',
      ),
    names: z
      .array(z.string().regex(/^[\w.:-]+$/, 'must be host names or addresses'))
      .default([])
      .describe(
        'Host names and addresses under which the server is reached, besides those of loopback, `host`, `advertisedAddress` and the name of the host. A certificate that the server makes is for all of them.',
      ),
    authorityFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        'File with the certificates (PEM) by which the other servers of the store are known. By default the authority in `tls.directory`, or with `tls.certificateFile` those that the system trusts.',
      ),
    clients: clientsSchema.optional().describe('Certificates of clients.'),
  })
  .superRefine(({ selfSigned, certificateFile, keyFile, clients }, context) => {
    const refuse = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (selfSigned && certificateFile !== undefined)
      refuse('selfSigned', 'must not stand beside certificateFile');
    if (certificateFile !== undefined && keyFile === undefined)
      refuse('keyFile', 'must be there with certificateFile');
    if (keyFile !== undefined && certificateFile === undefined)
      refuse('certificateFile', 'must be there with keyFile');
    if (clients && !selfSigned && certificateFile === undefined) {
      refuse('clients', 'needs TLS: set certificateFile and keyFile, or selfSigned');
    }
  });

export type TlsConfig = z.output<typeof tlsSchema>;
