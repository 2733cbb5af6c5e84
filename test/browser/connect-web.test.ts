// Programs of other web sites, in the browser of the system: they call the
// server by Connect and gRPC-Web as any page would.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type DevServer, startDevServer } from '@armada-ts/server/dev-server';
import { type Browser, chromium, type Page } from 'playwright-core';
import { root } from '../e2e/programs.ts';
import { CHROMIUM } from './chromium.ts';
import { openSite, type Site } from './site.ts';

let browser: Browser;
let site: Site;
let page: Page;
let server: DevServer;

before(async () => {
  [browser, site] = await Promise.all([chromium.launch(CHROMIUM), openSite()]);
  server = await startDevServer({
    runtime: 'simulated',
    settings: { http: { corsOrigins: [site.origin] } },
  });
  page = await pageOf(site);
});

after(async () => {
  site.close();
  await Promise.all([browser.close(), server.close()]);
});

type Protocol = 'Connect with JSON' | 'Connect with binary messages' | 'gRPC-Web';

async function pageOf({ origin }: Site): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(origin);
  return page;
}

/** Runs in the page: creates a queue, submits a job and watches the job set until the job is done. */
async function runJob({ baseUrl, protocol }: { baseUrl: string; protocol: Protocol }): Promise<string[]> {
  const [{ createClient }, web, { Event }, { QueueService }, { Submit }] = await Promise.all([
    import('@connectrpc/connect'),
    import('@connectrpc/connect-web'),
    import('@armada-ts/api/es/api/event_pb'),
    import('@armada-ts/api/es/api/queue_pb'),
    import('@armada-ts/api/es/api/submit_pb'),
  ]);
  const transport =
    protocol === 'gRPC-Web'
      ? web.createGrpcWebTransport({ baseUrl })
      : web.createConnectTransport({ baseUrl, useBinaryFormat: protocol.includes('binary') });
  const queue = `of-${protocol.toLowerCase().replaceAll(' ', '-')}`;
  await createClient(QueueService, transport).createQueue({ name: queue, priorityFactor: 1 });
  const amounts = { cpu: { string: '1' }, memory: { string: '1Mi' } };
  const resources = { requests: amounts, limits: amounts };
  const container = { name: 'one', image: 'none', command: ['true'], resources };
  const { jobResponseItems } = await createClient(Submit, transport).submitJobs({
    queue,
    jobSetId: 'set',
    jobRequestItems: [{ priority: 1, podSpecs: [{ containers: [container] }] }],
  });
  const seen: string[] = [];
  const request = { queue, id: 'set', watch: true };
  for await (const { message } of createClient(Event, transport).getJobSetEvents(request)) {
    const { events } = message ?? {};
    if (!events?.case) continue;
    if (events.value.jobId !== jobResponseItems[0]?.jobId) throw new Error('an event of another job');
    seen.push(events.case);
    if (events.case === 'succeeded' || events.case === 'failed') break;
  }
  return seen;
}

for (const protocol of ['Connect with JSON', 'Connect with binary messages', 'gRPC-Web'] as const) {
  test(`${protocol}: a page submits a job and watches it to its end`, async () => {
    const seen = await page.evaluate(runJob, { baseUrl: server.httpUrl, protocol });
    assert.equal(seen[0], 'submitted');
    assert.equal(seen.at(-1), 'succeeded');
    for (const event of ['queued', 'leased', 'pending', 'running']) assert(seen.includes(event), event);
  });
}

test('the program of docs/connect.md prints what the page says', async () => {
  const text = await readFile(join(root, 'docs/connect.md'), 'utf8');
  const [, program = '', said = ''] =
    /<!-- page-example:[^>]*-->\n```js\n([\s\S]*?)```\n\nIt prints ([^.]*)\./.exec(text) ?? [];
  const printed: string[] = [];
  const own = await pageOf(site);
  const done = new Promise<void>((resolve) => {
    own.on('console', (message) => {
      printed.push(message.text());
      if (message.text() === 'succeeded' || message.type() === 'error') resolve();
    });
    own.on('pageerror', (error) => {
      printed.push(error.message);
      resolve();
    });
  });
  const content = program.replace('http://localhost:8080', server.httpUrl);
  await own.addScriptTag({ type: 'module', content });
  await done;
  assert.deepEqual(
    printed,
    [...said.matchAll(/`(\w+)`/g)].map(([, event]) => event),
  );
  await own.close();
});

test('a refusal reaches the page with its code and its details', async () => {
  const told = await page.evaluate(async (baseUrl) => {
    const { ConnectError, createClient } = await import('@connectrpc/connect');
    const { createConnectTransport } = await import('@connectrpc/connect-web');
    const { QueueService } = await import('@armada-ts/api/es/api/queue_pb');
    const client = createClient(QueueService, createConnectTransport({ baseUrl }));
    const headers = { 'x-request-id': 'from-a-page' };
    const error = await client.getQueue({ name: 'none' }, { headers }).catch((reason: unknown) => reason);
    if (!(error instanceof ConnectError)) throw new TypeError('it was found');
    const details = error.details.map((detail) => ('type' in detail ? detail.type : ''));
    return { code: error.code, text: error.rawMessage, details, id: error.metadata.get('x-request-id') };
  }, server.httpUrl);
  assert.deepEqual(told, {
    code: 5,
    text: 'queue "none" does not exist; create it, or check the spelling',
    details: ['google.rpc.ErrorInfo'],
    id: 'from-a-page',
  });
});

test('a page of a site that is not configured learns nothing, and changes nothing', async () => {
  const stranger = await openSite();
  const foreign = await pageOf(stranger);
  const run = { baseUrl: server.httpUrl, protocol: 'Connect with JSON' } as const;
  await assert.rejects(foreign.evaluate(runJob, run), /Failed to fetch/);
  const plain = await foreign.evaluate(async (url) => {
    const body = JSON.stringify({ name: 'sneaked-in' });
    // What browsers send without asking beforehand.
    await fetch(`${url}/v1/queue`, { method: 'POST', body, mode: 'no-cors' });
    await fetch(`${url}/api.QueueService/CreateQueue`, { method: 'POST', body, mode: 'no-cors' });
    return 'sent';
  }, server.httpUrl);
  assert.equal(plain, 'sent');
  const answer = await fetch(`${server.httpUrl}/v1/queue/sneaked-in`);
  assert.equal(answer.status, 404);
  stranger.close();
});
