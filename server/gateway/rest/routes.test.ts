import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Route } from '@armada-ts/api/routes';
import { ArmadaError } from '../../base/errors.ts';
import { unary } from '../../door/method.ts';
import { boundRoutes, jsonOf } from './routes.ts';
import { serving } from './testing/served.ts';

function routeWith(body: string): Route {
  return {
    method: '/api.Submit/UpdateQueue',
    verb: 'PATCH',
    template: '/v1/queue/{name}',
    body,
    responseBody: '',
    request: 'api.Queue',
    response: 'google.protobuf.Empty',
  };
}

const parts = (body: string, query = '') => ({
  body: Buffer.from(body),
  query,
  values: [{ field: 'name', text: 'q' }],
});

test('a body is the whole request, one field of it, or nothing, as the route says', () => {
  const query = 'priority_factor=2&userOwners=a&userOwners=b';
  const whole = jsonOf(routeWith('*'), parts('{"priorityFactor":1,"name":"x"}', query));
  assert.deepEqual(whole, { name: 'q', priorityFactor: 1 });
  const field = jsonOf(routeWith('permissions'), parts('[{"verbs":["submit"]}]', query));
  const expected = { name: 'q', priorityFactor: 2, userOwners: ['a', 'b'] };
  assert.deepEqual(field, { ...expected, permissions: [{ verbs: ['submit'] }] });
  assert.deepEqual(jsonOf(routeWith(''), parts('not looked at', query)), expected);
});

test('a query and a path are read into the field that they name, and nothing else', () => {
  const request = jsonOf(routeWith('*'), parts('{"__proto__":{"name":"x"},"constructor":1}')) as object;
  assert.equal(Object.hasOwn(request, '__proto__'), true);
  assert.equal(Object.getPrototypeOf(request), Object.prototype);
  assert.throws(
    () => jsonOf(routeWith(''), parts('', 'priorityFactor=1&priorityFactor=2')),
    (error) => error instanceof ArmadaError && error.code === 'INVALID_REQUEST',
  );
});

test('routes are bound to the services that there are, with the verbs and paths of the contract', () => {
  const nothing = unary('authenticated', () => ({}));
  const services = [serving({ getQueue: nothing, getQueueInfo: nothing, updateQueue: nothing })];
  const bound = boundRoutes(services).map(({ verb, template, rank }) => `${verb} ${template} ${rank}`);
  assert.deepEqual(bound.sort(), [
    'GET /v1/queue/{name} read',
    'GET /v1/queue/{name}/info read',
    'PUT /v1/queue/{name} write',
  ]);
  const [withInfo] = boundRoutes(services).filter(({ method }) => method === '/api.Submit/GetQueue');
  assert.equal(withInfo?.addition?.method, '/api.Submit/GetQueueInfo');
  const [alone] = boundRoutes([serving({ getQueue: nothing })]);
  assert.equal(alone?.addition, undefined);
});
