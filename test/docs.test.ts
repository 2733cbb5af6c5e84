import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openApiDocument } from '@armada-ts/server/gateway/openapi/document';
import { configurationPage } from '../docs/configuration.ts';
import { userSubject } from '@armada-ts/server/gateway/openapi/testing/subjects';
import { root } from './e2e/programs.ts';

test('docs/configuration.md is what the schemas say (npm run docs writes it)', async () => {
  assert.equal(await readFile(join(root, 'docs/configuration.md'), 'utf8'), configurationPage());
});

test('docs/rest.md lists every route', async () => {
  const page = await readFile(join(root, 'docs/rest.md'), 'utf8');
  const listed = [...page.matchAll(/^\| `([A-Z]+ \/v1\/[^`]+)` \|/gm)].map(([, route]) => route);
  const { paths } = openApiDocument({ ...userSubject, pages: {} });
  const routes = Object.entries(paths).flatMap(([path, verbs]) =>
    Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`),
  );
  assert.deepEqual(new Set(listed), new Set(routes));
  assert.equal(listed.length, routes.length);
});
