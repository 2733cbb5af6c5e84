/** What an operator can set about metrics, traces and the audit log. */
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

export const auditSchema = z.strictObject({
  file: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File to which this server appends a JSON line for every call that changes something or is refused; `-` for standard error. Without it there is no audit log. See [security](security.md#audit-log).',
    ),
  calls: z
    .enum(['changes', 'all'])
    .default('changes')
    .describe(
      'Which calls are recorded: `changes` those that may change something, `all` also those that only read. Refused calls are recorded either way.',
    ),
  required: z
    .boolean()
    .default(false)
    .describe(
      'Whether calls that are to be recorded are refused while the audit log cannot be written. Otherwise all goes on, and what is missing is counted.',
    ),
});

export type AuditConfig = z.output<typeof auditSchema>;
export type TracingConfig = z.output<typeof tracingSchema>;
