import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { configurationPage } from '../docs/configuration.ts';
import { root } from './e2e/programs.ts';

test('docs/configuration.md is what the schemas say (npm run docs writes it)', async () => {
  assert.equal(await readFile(join(root, 'docs/configuration.md'), 'utf8'), configurationPage());
});
