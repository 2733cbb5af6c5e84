import { z } from 'zod';

const port = z.int().min(0).max(65_535);

/** Where operators reach this server, and who they are besides those that `auth` gives the permission `operate`. */
export const operatorSchema = z.strictObject({
  host: z
    .string()
    .default('127.0.0.1')
    .describe('Address that the operator ports listen on. `0.0.0.0` or `::` for all interfaces.'),
  grpc: z
    .strictObject({
      port: port.default(8728).describe('Port of the operator API by gRPC; 0 for any free one.'),
    })
    .prefault({}),
  http: z
    .strictObject({
      port: port.default(8628).describe('Port of the operator API by HTTPS; 0 for any free one.'),
    })
    .prefault({}),
  names: z
    .array(z.string().regex(/^[\w.:-]+$/, 'must be host names or addresses'))
    .default([])
    .describe(
      'Host names and addresses under which the operator ports are reached, besides those of loopback, `operator.host` and the name of the host. A certificate that the server makes is for all of them.',
    ),
  directory: z
    .string()
    .min(1)
    .default('data/operator')
    .describe(
      'Where the certificates that the server makes and the operator token are kept. Servers may share it; nobody else may read it.',
    ),
  tls: z
    .strictObject({
      certificateFile: z
        .string()
        .min(1)
        .describe('File with the certificate to show, and the rest of its chain, as PEM.'),
      keyFile: z.string().min(1).describe('File with its private key, as PEM.'),
    })
    .optional()
    .describe('A certificate for the operator ports. By default the server makes one.'),
  token: z
    .boolean()
    .default(true)
    .describe(
      'Whether the operator token is taken, a first credential that follows from the secret of the store. Turn it off once others have the permission `operate`.',
    ),
});

export type OperatorConfig = z.output<typeof operatorSchema>;
