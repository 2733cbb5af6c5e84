import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { createAuthorizer } from '../auth/authorizer.ts';
import { createChain, credentialOf, type Scheme } from '../auth/chain.ts';
import { standaloneAuth } from '../auth/config.ts';
import { type CallObserver, endOf, noObserver } from '../door/observer.ts';
import { openDoor } from '../door/testing/doors.ts';
import { metricsPage } from './metrics-page.ts';
import { openPort, type TestPort } from './testing/ports.ts';

const operators: Scheme = {
  name: 'test',
  challenge: 'Test realm="armada"',
  authenticate: (given) =>
    credentialOf(given, 'test') === 'right'
      ? { name: 'olga', groups: ['everyone'], scopes: [], scheme: 'test' }
      : undefined,
};

const authorizer = createAuthorizer({ permissionScopeMapping: {}, ...standaloneAuth });

const metrics = { contentType: 'text/plain', text: () => Promise.resolve('up 1\n') };

function statusFor(
  { port }: TestPort,
  authorization: string[],
  path = '/metrics',
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = ['Host', 'localhost', ...authorization.flatMap((value) => ['Authorization', value])];
    const sent = request({ port, host: '127.0.0.1', path, headers }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode));
    });
    sent.on('error', reject).end();
  });
}

test('the page is for operators where there is a door, which is told of all who ask; two credentials are none', async () => {
  const seen: unknown[] = [];
  const observer: CallObserver = {
    ...noObserver,
    began: (incoming, ...rest) => {
      const observed = noObserver.began(incoming, ...rest);
      return { ...observed, over: (error) => void seen.push([incoming.path, endOf(error)]) };
    },
  };
  await using port = await openPort({
    pages: [metricsPage(metrics, openDoor({ chain: createChain([operators]), authorizer, observer }))],
  });
  assert.equal(await statusFor(port, ['Test right']), 200);
  assert.equal(await statusFor(port, []), 401);
  assert.equal(await statusFor(port, ['Test wrong']), 401);
  assert.equal(await statusFor(port, ['Test right', 'Test wrong']), 401);
  // Whichever way it is written it is one page: who counts by it would count for ever.
  assert.equal(await statusFor(port, [], '/%6Detrics#1'), 401);
  const refused = ['/metrics', status.UNAUTHENTICATED];
  assert.deepEqual(seen, [['/metrics', status.OK], refused, refused, refused, refused]);
});
