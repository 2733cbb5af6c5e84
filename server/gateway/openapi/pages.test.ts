import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPort, type TestPort } from '../testing/ports.ts';
import { apiPages } from './pages.ts';
import { userApi } from './subjects.ts';
import { userSubject } from './testing/subjects.ts';

function openDocs(): Promise<TestPort> {
  return openPort({ pages: [apiPages(userApi(userSubject.services, ['basic']))] });
}

test('apiPages() serves both documents, the older one also where Armada has it', async () => {
  await using port = await openDocs();
  const openapi = await fetch(`${port.url}/api/openapi.json`);
  assert.equal(openapi.headers.get('content-type'), 'application/json; charset=utf-8');
  const document = (await openapi.json()) as { openapi: string; info: { title: string; version: string } };
  assert.equal(document.openapi, '3.1.1');
  assert.match(document.info.version, /^\d+\.\d+\.\d+/);
  const swagger = await (await fetch(`${port.url}/api/swagger.json`)).text();
  assert.equal((JSON.parse(swagger) as { swagger: string }).swagger, '2.0');
  assert.equal(await (await fetch(`${port.url}/swagger.json`)).text(), swagger);
});

test('a document that another site may read is kept apart from what others may', async () => {
  const origin = 'https://web.example.com';
  const pages = [apiPages(userApi(userSubject.services, ['basic']))];
  await using port = await openPort({ pages, corsOrigins: [origin] });
  for (const headers of [{}, { origin }]) {
    const answer = await fetch(`${port.url}/api/openapi.json`, { headers });
    assert.equal(answer.headers.get('vary'), 'Origin, Accept-Encoding');
    assert.equal(answer.headers.get('access-control-allow-origin'), 'origin' in headers ? origin : null);
  }
});

test('apiPages() serves a page whose parts all come from this server', async () => {
  await using port = await openDocs();
  const page = await fetch(`${port.url}/api/docs`);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'.*connect-src 'self'/);
  const text = await page.text();
  const parts = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? '');
  assert.equal(parts.length, 5);
  for (const part of parts) {
    const url = new URL(part, page.url);
    assert.equal(url.origin, port.url);
    const answer = await fetch(url);
    assert.equal(answer.status, 200, part);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.ok((await answer.arrayBuffer()).byteLength > 100, part);
  }
  assert.equal((await fetch(`${port.url}/api/docs/`)).url, `${port.url}/api/docs`);
  assert.equal((await fetch(`${port.url}/api/docs/package.json`)).status, 404);
});

test('apiPages() sends nothing again that is still the same, and packs for who can unpack', async () => {
  await using port = await openDocs();
  const url = `${port.url}/api/docs/swagger-ui-bundle.js`;
  const plain = await fetch(url, { headers: { 'accept-encoding': 'identity' } });
  const plainTag = plain.headers.get('etag') ?? '';
  assert.equal(plain.headers.get('content-encoding'), null);
  const size = (await plain.arrayBuffer()).byteLength;
  const packed = await fetch(url, { headers: { 'accept-encoding': 'gzip' } });
  const tag = packed.headers.get('etag') ?? '';
  assert.equal(packed.headers.get('content-encoding'), 'gzip');
  assert.ok(Number(packed.headers.get('content-length')) < size / 2);
  assert.equal((await packed.arrayBuffer()).byteLength, size);
  assert.notEqual(tag, plainTag);
  for (const [encoding, known] of [
    ['gzip', tag],
    ['identity', plainTag],
  ] as const) {
    const headers = { 'accept-encoding': encoding, 'if-none-match': known };
    const again = await fetch(url, { headers });
    assert.equal(again.status, 304);
    assert.equal(await again.text(), '');
  }
  const refused = await fetch(url, { headers: { 'accept-encoding': 'gzip;q=0' } });
  assert.equal(refused.headers.get('content-encoding'), null);
});
