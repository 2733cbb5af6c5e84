import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSpans, type SpansSettings } from './spans.ts';
import { parseTraceparent } from './traceparent.ts';

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

interface Sent {
  resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[];
}

/** A collector that answers with these statuses, the last one from then on. */
async function collecting(t: TestContext, ...statuses: number[]) {
  const batches: Record<string, unknown>[][] = [];
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      batches.push(
        (body as Sent).resourceSpans.flatMap((one) => one.scopeSpans.flatMap(({ spans }) => spans)),
      );
      response.writeHead((statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 200).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const reports: string[] = [];
  const settings: SpansSettings = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    sampleRatio: 1,
    resource: { 'service.name': 'test' },
    random: randomly(),
    report: (reason) => reports.push(reason),
  };
  return { batches, reports, settings };
}

/** Different bytes each time, the same in every run. */
function randomly(): (bytes: number) => Uint8Array {
  let seed = 1;
  return (bytes) =>
    Uint8Array.from({ length: bytes }, () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed >>> 16;
    });
}

function work(parent?: string) {
  return { name: 'work', kind: 'server', parent, startMs: 1_800_000_000_000.25, attributes: {} } as const;
}

test('what is not sent yet is sent at the end, with its times and its parent', async (t) => {
  const { batches, settings } = await collecting(t, 200);
  const spans = openSpans(settings);
  const outer = spans.begin(work(PARENT));
  const inner = spans.begin({ ...work(outer.traceparent), attributes: { a: 1, b: 'x' } });
  inner.end({ endMs: 1_800_000_000_001.5, attributes: { b: 'y', c: true } });
  outer.end({ endMs: 0, failure: 'lost' });
  await spans.close();
  const [first, second] = batches.flat();
  assert.equal(first?.['parentSpanId'], second?.['spanId']);
  assert.equal(second?.['parentSpanId'], parseTraceparent(PARENT)?.spanId);
  assert.equal(first['startTimeUnixNano'], '1800000000000250000');
  assert.equal(first['endTimeUnixNano'], '1800000000001500000');
  assert.deepEqual(first['attributes'], [
    { key: 'a', value: { intValue: '1' } },
    { key: 'b', value: { stringValue: 'y' } },
    { key: 'c', value: { boolValue: true } },
  ]);
  // A clock that went back makes no span that ends before it begins.
  assert.equal(second['endTimeUnixNano'], second['startTimeUnixNano']);
  assert.deepEqual(second['status'], { code: 2, message: 'lost' });
});

test('of the traces that begin here so many are kept; of others, what their caller keeps', async (t) => {
  const { settings } = await collecting(t, 200);
  const kept = (sampleRatio: number, parent?: string): number => {
    const spans = openSpans({ ...settings, sampleRatio });
    return Array.from({ length: 1000 }, () => spans.begin(work(parent))).filter((one) => one.traceparent)
      .length;
  };
  assert.equal(kept(0), 0);
  assert.equal(kept(1), 1000);
  const quarter = kept(0.25);
  assert(quarter > 200 && quarter < 300, String(quarter));
  assert.equal(kept(0, PARENT), 1000);
  assert.equal(kept(1, PARENT.replace(/01$/, '00')), 0);
  assert.equal(kept(0, 'nonsense'), 0);
});

test('what a collector refuses for good is not sent again; what it cannot take now is', async (t) => {
  const { batches, reports, settings } = await collecting(t, 400, 503, 200);
  const spans = openSpans(settings);
  spans.begin(work()).end({ endMs: 1 });
  await until(() => batches.length === 1);
  spans.begin(work()).end({ endMs: 1 });
  await until(() => batches.length === 3);
  await spans.close();
  const [refused, ...others] = batches.map(([span]) => span?.['spanId']);
  assert.notEqual(others[0], refused);
  assert.equal(others[1], others[0]);
  assert.equal(batches.length, 3);
  assert.equal(reports.length, 1);
  assert.match(reports[0] ?? '', /^HTTP 400; 1 spans/);
});

test('a collector that is away costs no more memory than is set aside, and closing does not wait for it', async () => {
  const reports: string[] = [];
  const spans = openSpans({
    endpoint: 'http://127.0.0.1:1/',
    sampleRatio: 1,
    resource: {},
    random: randomly(),
    report: (reason) => reports.push(reason),
  });
  for (let count = 0; count < 10_000; count++) spans.begin(work()).end({ endMs: 1 });
  await spans.close();
  assert.equal(reports.length, 1);
  assert.match(reports[0] ?? '', /; 1808 spans were dropped so far$/);
});

async function until(isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !isSo(); await sleep(20)) {
    assert(Date.now() < deadline, 'not in 10 s');
  }
}
