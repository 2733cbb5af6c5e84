import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRouter } from './router.ts';

function routerOf(...lines: string[]) {
  return createRouter(
    lines.map((line) => {
      const [verb = '', template = ''] = line.split(' ');
      return { verb, template, target: line };
    }),
  );
}

/** The route that is found, and what its fields get. */
function found(router: ReturnType<typeof routerOf>, line: string): unknown {
  const [verb = '', path = ''] = line.split(' ');
  const lookup = router.find(verb, path);
  if (lookup.outcome !== 'found') return lookup.outcome;
  return [lookup.target, ...lookup.values.map(({ field, text }) => `${field}=${text}`)];
}

test('paths lead to their routes, and segments to their fields', () => {
  const router = routerOf('POST /v1/queue', 'GET /v1/queue/{name}', 'POST /v1/job-set/{queue}/{id}');
  assert.deepEqual(found(router, 'POST /v1/queue'), ['POST /v1/queue']);
  assert.deepEqual(found(router, 'GET /v1/queue/q'), ['GET /v1/queue/{name}', 'name=q']);
  assert.deepEqual(found(router, 'POST /v1/job-set/q/s'), [
    'POST /v1/job-set/{queue}/{id}',
    'queue=q',
    'id=s',
  ]);
  for (const path of ['/', '/v1', '/v1/queue/', '/v1/queue/q/', '/v1/queue/q/x', '//v1/queue', '', '*']) {
    assert.equal(found(router, `GET ${path}`), 'unknown path', path);
  }
});

test('of several routes the one with more literal segments is taken, whatever their order', () => {
  const lines = ['GET /v1/{x}/b', 'GET /v1/a/{y}', 'GET /v1/a/b', 'GET /v1/a/{y}/c', 'GET /v1/{x}/b/d'];
  for (const router of [routerOf(...lines), routerOf(...lines.toReversed())]) {
    assert.deepEqual(found(router, 'GET /v1/a/b'), ['GET /v1/a/b']);
    assert.deepEqual(found(router, 'GET /v1/a/z'), ['GET /v1/a/{y}', 'y=z']);
    assert.deepEqual(found(router, 'GET /v1/z/b'), ['GET /v1/{x}/b', 'x=z']);
    assert.deepEqual(found(router, 'GET /v1/a/b/d'), ['GET /v1/{x}/b/d', 'x=a']);
  }
});

test('a verb that a path does not have is told apart from a path that there is not', () => {
  const router = routerOf('GET /v1/queue/{name}', 'PUT /v1/queue/{name}', 'POST /v1/queue/special');
  assert.deepEqual(router.find('POST', '/v1/queue/q'), { outcome: 'other verbs', verbs: ['GET', 'PUT'] });
  assert.deepEqual(found(router, 'GET /v1/queue/special'), ['GET /v1/queue/{name}', 'name=special']);
  const lookup = router.find('DELETE', '/v1/queue/special');
  assert.deepEqual(lookup, { outcome: 'other verbs', verbs: ['POST', 'GET', 'PUT'] });
});

test('segments are decoded one by one, so names may hold slashes, colons and whatever else', () => {
  const router = routerOf('GET /v1/queue/{name}', 'GET /v1/job-set/{queue}/{id}');
  assert.deepEqual(found(router, 'GET /v1/queue/a%2Fb%3F%C3%BC'), ['GET /v1/queue/{name}', 'name=a/b?ü']);
  assert.deepEqual(found(router, 'GET /v1/queue/a:b'), ['GET /v1/queue/{name}', 'name=a:b']);
  assert.deepEqual(found(router, 'GET /v1/queue/__proto__'), ['GET /v1/queue/{name}', 'name=__proto__']);
  for (const path of ['/v1/queue/%', '/v1/queue/%zz', '/v1/queue/%ff', '/%c3']) {
    assert.equal(found(router, `GET ${path}`), 'malformed', path);
  }
});

test('templates may take several segments, all that follow, and end in an action', () => {
  const router = routerOf(
    'GET /files/{path=**}',
    'POST /v1/{name=shelves/*/books/*}:read',
    'POST /v1/{name=shelves/*}/{title}',
    'GET /any/*/x',
  );
  assert.deepEqual(found(router, 'GET /files/a/b:c'), ['GET /files/{path=**}', 'path=a/b:c']);
  assert.deepEqual(found(router, 'GET /files'), ['GET /files/{path=**}', 'path=']);
  assert.deepEqual(found(router, 'POST /v1/shelves/1/books/2:read'), [
    'POST /v1/{name=shelves/*/books/*}:read',
    'name=shelves/1/books/2',
  ]);
  assert.deepEqual(found(router, 'POST /v1/shelves/1/t'), [
    'POST /v1/{name=shelves/*}/{title}',
    'name=shelves/1',
    'title=t',
  ]);
  assert.deepEqual(found(router, 'GET /any/thing/x'), ['GET /any/*/x']);
  assert.deepEqual(router.find('GET', '/v1/shelves/1/books/2:read'), {
    outcome: 'other verbs',
    verbs: ['POST'],
  });
  assert.equal(found(router, 'POST /v1/shelves/1/books/2:burn'), 'unknown path');
});

test('two routes that cannot be told apart are a fault of ours, and so is what is no template', () => {
  assert.throws(() => routerOf('GET /v1/{a}', 'GET /v1/{b}'), /two routes GET \/v1\/\{b\}/);
  for (const template of ['/v1/{a', '/a/**/b', '/a{b}', 'a', '/{a=**}:b']) {
    assert.throws(() => routerOf(`GET ${template}`), TypeError, template);
  }
});
