/** What an operator can set about metrics and traces. */
import { z } from 'zod';

export const metricsSchema = z.strictObject({
  port: z
    .int()
    .min(0)
    .max(65535)
    .optional()
    .describe(
      'Port for `/metrics` without TLS or credentials, on `host`, as Prometheus is often set up; 0 for any free one. By default there is none: the operator port has `/metrics` too.',
    ),
});

export const tracingSchema = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as http://localhost:4318/v1/traces' })
    .optional()
    .describe(
      'URL at which a collector takes traces, as OTLP over HTTP, such as `http://localhost:4318/v1/traces`. Without it nothing is traced.',
    ),
  sampleRatio: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe(
      'Of the traces that begin at this server, how many are kept, from 0 to 1. A call that says that its trace is kept, in `traceparent`, is always traced.',
    ),
});

export type TracingConfig = z.output<typeof tracingSchema>;
