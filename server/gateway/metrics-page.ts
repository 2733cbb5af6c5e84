import type { Door } from '../door/call.ts';
import type { Page } from './http.ts';
import { textForOperators } from './operators-page.ts';

/** What is told, in the text format of Prometheus. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** The page `/metrics`. @param door by which operators come in; everybody may read it when left out */
export function metricsPage(metrics: Metrics, door?: Door): Page {
  return (server, { admission }) => {
    server.get('/metrics', async (request, reply) => {
      const exchange = { request, reply };
      const entrance = door && ({ door, admission, rank: 'read' } as const);
      const text = entrance
        ? await textForOperators(entrance, exchange, () => metrics.text())
        : await metrics.text();
      if (typeof text === 'string') {
        return await reply.type(metrics.contentType).header('cache-control', 'no-store').send(text);
      }
      const { httpStatus, headers, message } = text;
      return await reply.code(httpStatus).headers(headers).type('text/plain').send(`${message}\n`);
    });
  };
}
