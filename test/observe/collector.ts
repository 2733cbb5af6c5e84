// A collector of traces: takes what programs send it over HTTP and lets a test look at it.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const attributes = z.array(
  z.strictObject({
    key: z.string().min(1),
    value: z.union([
      z.strictObject({ stringValue: z.string() }),
      z.strictObject({ boolValue: z.boolean() }),
      z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
      z.strictObject({ doubleValue: z.number() }),
    ]),
  }),
);

const id = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));

/** As the protocol has it: whatever else is sent is a fault. */
const request = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes }),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string() }),
          spans: z.array(
            z.strictObject({
              traceId: id(32),
              spanId: id(16),
              parentSpanId: id(16).optional(),
              flags: z.int().min(0).max(255),
              name: z.string().min(1),
              kind: z.int().min(1).max(5),
              startTimeUnixNano: z.string().regex(/^\d{19}$/),
              endTimeUnixNano: z.string().regex(/^\d{19}$/),
              attributes,
              status: z.strictObject({ code: z.int(), message: z.string() }).optional(),
            }),
          ),
        }),
      ),
    }),
  ),
});

export interface CollectedSpan {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  startNs: bigint;
  endNs: bigint;
  attributes: Readonly<Record<string, string>>;
  failure: string | undefined;
}

export interface Collector extends AsyncDisposable {
  endpoint: string;
  /** Requests, and what was wrong with them. */
  requests: number;
  faults: string[];
  spans: CollectedSpan[];
  /** With which requests are answered. */
  answer: number;
  /** Waits until there are so many of a name. */
  until(name: string, count: number): Promise<CollectedSpan[]>;
}

const WAIT_MS = 15_000;

export async function startCollector(): Promise<Collector> {
  const take = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(incoming);
    collector.requests++;
    if (collector.answer === 200) {
      try {
        collector.spans.push(...spansIn(request.parse(JSON.parse(body))));
      } catch (error) {
        collector.faults.push(String(error));
      }
    }
    response.writeHead(collector.answer, { 'content-type': 'application/json' }).end('{}');
  };
  const server = createServer((incoming, response) => void take(incoming, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const collector: Collector = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    requests: 0,
    faults: [],
    spans: [],
    answer: 200,
    async until(name, count) {
      const deadline = Date.now() + WAIT_MS;
      for (;;) {
        const found = collector.spans.filter((span) => span.name === name);
        if (found.length >= count) return found;
        if (Date.now() > deadline) {
          const names = collector.spans.map((span) => `${span.service} ${span.name}`);
          throw new Error(`no ${count} spans ${name}: ${names.join(', ')} ${collector.faults.join('\n')}`);
        }
        await sleep(20);
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return collector;
}

function spansIn({ resourceSpans }: z.output<typeof request>): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = texts(resource.attributes)['service.name'] ?? '';
    return scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        service,
        name: span.name,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId,
        startNs: BigInt(span.startTimeUnixNano),
        endNs: BigInt(span.endTimeUnixNano),
        attributes: texts(span.attributes),
        failure: span.status?.code === 2 ? span.status.message : undefined,
      })),
    );
  });
}

function texts(from: z.output<typeof attributes>): Record<string, string> {
  return Object.fromEntries(from.map(({ key, value }) => [key, String(Object.values(value)[0])]));
}
