import { randomBytes } from 'node:crypto';
import { openSpans, type Spans } from '@armada-ts/api/trace/spans';
import type { Logger } from '../base/logger.ts';
import type { TracingConfig } from './config.ts';

/** Spans, if they are wanted. */
export function openTracing(
  { endpoint, sampleRatio }: TracingConfig,
  { name, version, logger }: { name: string; version: string; logger: Logger },
): Spans | undefined {
  if (endpoint === undefined) return undefined;
  return openSpans({
    endpoint,
    sampleRatio,
    resource: {
      'service.name': 'armada-server',
      'service.version': version,
      'service.instance.id': name,
    },
    random: randomBytes,
    report: (reason) => logger.warn({ endpoint, reason }, 'traces do not reach their collector'),
  });
}
