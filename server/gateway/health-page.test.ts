import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify from 'fastify';
import { createChain } from '../auth/chain.ts';
import { calmAdmission, openDoor } from '../door/testing/doors.ts';
import { type HealthPageDeps, healthPage } from './health-page.ts';

async function get(deps: Partial<HealthPageDeps> = {}, url = '/health', admission = calmAdmission()) {
  const server = fastify();
  const page = healthPage({
    health: () => [],
    notices: () => [],
    describe: () => [],
    door: openDoor(),
    ...deps,
  });
  page(server, { admission });
  const { statusCode, body } = await server.inject({ url });
  return { statusCode, body };
}

test('health is an empty 204, or 503 with a line for each fault', async () => {
  assert.deepEqual(await get(), { statusCode: 204, body: '' });
  const sick = await get({ health: async () => ['the store is away', 'no leader'] });
  assert.deepEqual(sick, { statusCode: 503, body: 'the store is away\nno leader\n' });
});

test('what is to be known is told with 200, and what the server is to whoever asks for more', async () => {
  const deps = { notices: () => ['data was lost'], describe: () => ['store sqlite data'] };
  assert.deepEqual(await get(deps), { statusCode: 200, body: 'data was lost\n' });
  const more = await get({ ...deps, health: () => ['the store is away'] }, '/health?verbose');
  assert.deepEqual(more, { statusCode: 503, body: 'the store is away\ndata was lost\nstore sqlite data\n' });
  const well = await get({ describe: deps.describe }, '/health?verbose');
  assert.deepEqual(well, { statusCode: 200, body: 'store sqlite data\n' });
});

test('what the server is, is for operators: others are told what all are', async () => {
  const describe = () => ['store sqlite data'];
  const door = openDoor({ chain: createChain([]) });
  assert.deepEqual(await get({ describe, door }, '/health?verbose'), { statusCode: 204, body: '' });
  const sick = await get({ describe, door, health: () => ['the store is away'] }, '/health?verbose');
  assert.deepEqual(sick, { statusCode: 503, body: 'the store is away\n' });
});

test('with too much to do everybody is told what all are, and nobody more', async () => {
  const describe = () => ['store sqlite data'];
  const full = { ...calmAdmission(), enter: () => ({ retryAfterMs: 500 }) };
  assert.deepEqual(await get({ describe }, '/health?verbose', full), { statusCode: 204, body: '' });
  assert.deepEqual(await get({ describe }, '/health', full), { statusCode: 204, body: '' });
});

test('health that cannot be told is no health, and says nothing of why', async () => {
  const { statusCode, body } = await get({ health: () => Promise.reject(new Error('secret')) });
  assert.equal(statusCode, 503);
  assert(!body.includes('secret'));
});
