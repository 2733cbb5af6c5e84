// The page that describes the API, in the browser of the system: it needs no
// other network, and calls can be tried with credentials.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type Standalone, temporaryDirectory } from '../e2e/programs.ts';
import { startServer } from '../e2e/server.ts';
import { authSettings, OPERATOR, passwordOf } from '../e2e/users.ts';
import { CHROMIUM } from './chromium.ts';

const directory = await temporaryDirectory({ after });
let browser: Browser;
let server: Standalone;

before(async () => {
  const settings = { auth: authSettings([OPERATOR]) };
  [browser, server] = await Promise.all([chromium.launch(CHROMIUM), startServer(directory, settings)]);
});

after(async () => {
  await Promise.all([browser.close(), server.kill('SIGKILL')]);
});

/** The page, and what the browser had to say of it. */
async function openPage(): Promise<{ page: Page; complaints: string[]; asked: Set<string> }> {
  const page = await browser.newPage({ viewport: { width: 1000, height: 900 } });
  const complaints: string[] = [];
  const asked = new Set<string>();
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith('data:')) asked.add(new URL(request.url()).origin);
  });
  await page.goto(`${server.url}/api/docs`);
  await page.locator('.opblock').first().waitFor();
  return { page, complaints, asked };
}

/** Opens the call with this path and method, fills it in and sends it. Returns the status of the answer. */
async function tryCall(
  page: Page,
  method: string,
  path: string,
  fill: Record<string, string>,
): Promise<string> {
  const block = page.locator(`.opblock-${method}`).filter({ has: page.locator(`[data-path="${path}"]`) });
  if ((await block.locator('.execute').count()) === 0)
    await block.locator('.opblock-summary-control').click();
  for (const [name, value] of Object.entries(fill)) {
    await block.locator(`tr[data-param-name="${name}"] input`).fill(value);
  }
  await block.locator('.execute').click();
  return await block.locator('.live-responses-table .response-col_status').last().innerText();
}

test('the page shows all calls, and asks nobody but the server', async () => {
  const { page, complaints, asked } = await openPage();
  const paths = await page
    .locator('.opblock-summary-path')
    .evaluateAll((all) => all.map((each) => each.getAttribute('data-path')));
  for (const path of ['/v1/job/submit', '/v1/queue/{name}', '/v1/job-set/{queue}/{id}', '/health']) {
    assert(paths.includes(path), `${path} of ${paths.join(' ')}`);
  }
  assert.deepEqual([...asked], [server.url]);
  assert.deepEqual(complaints, []);
  await page.close();
});

test('calls can be tried, without credentials in vain', async () => {
  const { page } = await openPage();
  assert.match(await tryCall(page, 'get', '/v1/queue/{name}', { name: 'none' }), /^401/);
  await page.locator('.btn.authorize').click();
  const dialog = page.locator('.modal-ux');
  await dialog.getByLabel('Username').fill(OPERATOR.name);
  await dialog.getByLabel('Password').fill(passwordOf(OPERATOR.name));
  await dialog.locator('.auth-btn-wrapper .authorize').first().click();
  await dialog.locator('.btn-done').first().click();
  assert.match(await tryCall(page, 'get', '/v1/queue/{name}', { name: 'none' }), /^404/);
  await page.close();
});
