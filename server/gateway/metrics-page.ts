import type { FastifyInstance } from 'fastify';
import type { Door } from '../door/call.ts';
import { textForOperators } from './operators-page.ts';

/** What is told, in the text format of Prometheus. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** The page `/metrics`. @param door by which operators come in; everybody may read it when left out */
export function metricsPage(metrics: Metrics, door?: Door) {
  return (server: FastifyInstance): void => {
    server.get('/metrics', async (request, reply) => {
      const exchange = { request, reply };
      const text = door ? await textForOperators(door, exchange, () => metrics.text()) : await metrics.text();
      if (typeof text === 'string') {
        return await reply.type(metrics.contentType).header('cache-control', 'no-store').send(text);
      }
      const { httpStatus, headers, message } = text;
      return await reply.code(httpStatus).headers(headers).type('text/plain').send(`${message}\n`);
    });
  };
}
