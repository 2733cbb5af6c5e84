import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { createAuthorizer } from '../auth/authorizer.ts';
import { createChain, credentialOf, type Scheme } from '../auth/chain.ts';
import { standaloneAuth } from '../auth/config.ts';
import type { Admission } from '../door/admission.ts';
import { type CallObserver, endOf, noObserver } from '../door/observer.ts';
import { calmAdmission, openDoor } from '../door/testing/doors.ts';
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

test('who asks for the page passes admission as calls do: while there is much to do some are refused', async () => {
  const slow: Scheme = {
    name: 'slow',
    challenge: undefined,
    authenticate: () => checked.promise,
  };
  const checked = Promise.withResolvers<undefined>();
  const calm = calmAdmission();
  const under = { way: 0 };
  const allEntered = Promise.withResolvers<void>();
  const admission: Admission = {
    ...calm,
    enter(arrival) {
      assert.deepEqual([arrival.rank, arrival.isStream], ['read', false]);
      if (under.way === 2) return { retryAfterMs: 500 };
      if (++under.way === 2) allEntered.resolve();
      return { arrived: () => {}, stalled: () => {}, over: () => void under.way-- };
    },
  };
  const door = openDoor({ chain: createChain([slow]), authorizer });
  await using port = await openPort({ pages: [metricsPage(metrics, door)], admission });
  const held = [1, 2].map(() => statusFor(port, ['Basic YTpi']));
  await allEntered.promise;
  const refused = await fetch(`${port.url}/metrics`);
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '1']);
  assert.match(await refused.text(), /more to do than it can take/);
  checked.resolve(undefined);
  assert.deepEqual(await Promise.all(held), [401, 401]);
  assert.equal(under.way, 0);
});
