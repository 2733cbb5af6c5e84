import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson, toJson } from '@armada-ts/api/json';
import { contractRoutes } from '@armada-ts/api/routes';
import { Validator } from '@seriousme/openapi-schema-validator';
import { type OpenApiDocument, openApiDocument } from './document.ts';
import { exampleMethods, exampleOf } from './examples.ts';
import { armadaName, toSwagger2 } from './swagger2.ts';
import { operatorSubject, userSubject } from './testing/subjects.ts';

const subjects = { user: userSubject, operator: operatorSubject };

/** As it goes over the wire. */
function sent(document: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(document)) as Record<string, unknown>;
}

/** Every value of a key, wherever it stands. */
function valuesOf(key: string, json: unknown): unknown[] {
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([name, value]) =>
    name === key && typeof value === 'string' ? [value] : valuesOf(key, value),
  );
}

/** What a reference within the document refers to. */
function resolve(document: unknown, reference: string): unknown {
  let at = document;
  for (const part of reference.slice(2).split('/')) at = (at as Record<string, unknown> | undefined)?.[part];
  return at;
}

function operationsOf({ paths }: OpenApiDocument): string[] {
  return Object.entries(paths).flatMap(([path, verbs]) =>
    Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`),
  );
}

for (const [name, subject] of Object.entries(subjects)) {
  const document = openApiDocument(subject);
  const swagger = toSwagger2(openApiDocument(subject, armadaName));

  for (const [version, made] of [
    ['3.1', document],
    ['2.0', swagger],
  ] as const) {
    test(`the ${name} document is valid OpenAPI ${version}, by a validator that is not ours`, async () => {
      const validator = new Validator();
      const { valid, errors } = await validator.validate(sent(made));
      assert.ok(valid, JSON.stringify(errors));
      assert.equal(validator.version, version);
    });

    test(`what the ${name} document ${version} refers to is in it, and is all used`, () => {
      const references = new Set(valuesOf('$ref', sent(made)) as string[]);
      assert.ok(references.size > 5);
      for (const reference of references) assert.ok(resolve(made, reference), reference);
      const schemas = version === '3.1' ? document.components.schemas : (swagger['definitions'] as object);
      const prefix = version === '3.1' ? '#/components/schemas/' : '#/definitions/';
      const unused = Object.keys(schemas).filter((schema) => !references.has(prefix + schema));
      // Nobody streams to operators.
      assert.deepEqual(unused, name === 'operator' ? unused.filter((each) => /StreamError/.test(each)) : []);
    });
  }

  test(`the ${name} document has every route of its services once, with an id of its own and a text`, () => {
    const served = subject.services.flatMap(({ definition }) =>
      Object.values(definition).map(({ path }) => path),
    );
    const routes = contractRoutes().filter(({ method }) => served.includes(method));
    assert.ok(routes.length > 5);
    const pages = Object.keys(subject.pages).map((path) => `GET ${path}`);
    assert.ok(pages.includes('GET /health'));
    const expected = [...routes.map(({ verb, template }) => `${verb} ${template}`), ...pages];
    assert.deepEqual(operationsOf(document).toSorted(), expected.toSorted());
    const operations = Object.values(document.paths).flatMap((verbs) => Object.values(verbs));
    assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
    for (const { operationId, summary, description = '' } of operations) {
      assert.ok(summary.length > 10 && summary.length <= 120, `${operationId}: ${summary}`);
      assert.ok(description.length >= summary.length || operationId.startsWith('get'), operationId);
    }
  });
}

test('examples are what the codec reads, and what it writes', () => {
  const methods = exampleMethods();
  assert.ok(methods.length > 10);
  for (const method of methods) {
    const route = contractRoutes().find((each) => each.method === method);
    assert.ok(route, `${method} has a route`);
    const { request, response } = exampleOf(method) ?? {};
    if (request !== undefined) fromJson(route.request, request, { unknown: 'error' });
    if (response === undefined) continue;
    const message = fromJson(route.response, response, { unknown: 'error' });
    assert.deepEqual(toJson(route.response, message as never), response, method);
  }
});

test('openApiDocument() says where requests come from: path, query and body', () => {
  const { paths } = openApiDocument({
    ...userSubject,
    services: [...userSubject.services, ...operatorSubject.services],
  });
  const remove = paths['/v1/operator/executors/{name}']?.['delete'];
  assert.deepEqual(
    remove?.parameters?.map((each) => [each.in, each.name, each.required ?? false, each.schema]),
    [
      ['path', 'name', true, { type: 'string' }],
      ['query', 'requeueJobs', false, { type: 'boolean' }],
    ],
  );
  assert.equal(remove?.requestBody, undefined);
  const events = paths['/v1/job-set/{queue}/{id}']?.['post'];
  assert.deepEqual(events?.requestBody?.content['application/json']?.schema, {
    $ref: '#/components/schemas/JobSetRequest',
  });
  assert.deepEqual(Object.keys(events?.responses['200'].content ?? {}), [
    'application/json',
    'text/event-stream',
  ]);
  // All that it could say is in the path.
  assert.equal(paths['/v1/executors/{name}']?.['delete']?.requestBody, undefined);
});

test('openApiDocument() tells what a method says by way of another, in the words of JSON', () => {
  const { paths, components } = openApiDocument(userSubject);
  assert.match(paths['/v1/queue/{name}']?.['put']?.description ?? '', /read it first and change/);
  assert.match(components.schemas['JobFailedEvent']?.description ?? '', /\w/);
  const queue = paths['/v1/queue/{name}']?.['get']?.responses['200'].description;
  assert.equal(
    queue,
    'A queue and its settings. It also has what GetQueueInfo answers, for whoever may ask that.',
  );
  const factor = components.schemas['Queue']?.properties?.['priorityFactor'];
  assert.match(factor?.description ?? '', /^Divides the queue's share/);
  assert.equal(components.schemas['Queue']?.properties?.['resourceLimits']?.deprecated, true);
  assert.match(
    components.schemas['JobCancelRequest']?.properties?.['jobId']?.description ?? '',
    /beside `jobIds`/,
  );
});

test('openApiDocument() lets calls go without credentials only where that is so', () => {
  const { security, components } = openApiDocument({ ...userSubject, credentials: ['basic'] });
  assert.deepEqual(security, [{ basic: [] }]);
  assert.deepEqual(Object.keys(components.securitySchemes), ['basic']);
  assert.deepEqual(openApiDocument(userSubject).security, [{ basic: [] }, {}]);
  const { paths } = openApiDocument(operatorSubject);
  assert.deepEqual(paths['/ready']?.['get']?.security, []);
  assert.equal(paths['/metrics']?.['get']?.security, undefined);
});

test('openApiDocument() refuses one name for two types', () => {
  assert.throws(() => openApiDocument(userSubject, () => 'Thing'), /and \S+ are both called Thing/);
});

test('toSwagger2() calls messages as Armada does', () => {
  const { definitions } = toSwagger2(openApiDocument(userSubject, armadaName)) as { definitions: object };
  const names = new Set(Object.keys(definitions));
  for (const name of [
    'apiJobSubmitRequest',
    'apiEventStreamMessage',
    'QueuePermissions',
    'PermissionsSubject',
    'v1PodSpec',
    'resourceQuantity',
    'runtimeStreamError',
  ]) {
    assert.ok(names.has(name), name);
  }
});
