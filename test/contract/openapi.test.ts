// Whether the documents describe the JSON that is really read and written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeMessage } from '@armada-ts/api/descriptors';
import { fromJson, toJson } from '@armada-ts/api/json';
import { contractRoutes } from '@armada-ts/api/routes';
import { createSchemas, messageSchema } from '@armada-ts/server/gateway/openapi/schemas';
import fc from 'fast-check';
import { arbitraryJson, misfits } from './schema-fit.ts';

const isLong = process.env['ARMADA_TEST_LONG'] === '1';
const parameters = isLong ? { numRuns: 300 } : { numRuns: 40, seed: 20261121 };

const collection = createSchemas((typeName) => typeName);
const names = new Set(contractRoutes().flatMap(({ request, response }) => [request, response]));
const described = [...names].map((name) => [name, messageSchema(collection, name)] as const);
const schemas = Object.fromEntries(collection.schemas);

test('what fits the schema of a message is read, and what is written of it fits again', () => {
  assert.ok(described.length > 50);
  for (const [name, schema] of described) {
    fc.assert(
      fc.property(arbitraryJson(schemas, schema), (json) => {
        assert.deepEqual(misfits(schemas, schema, json), []);
        const message = fromJson(name, json, { unknown: 'error' });
        const written = JSON.parse(JSON.stringify(toJson(name, message as never))) as unknown;
        assert.deepEqual(misfits(schemas, schema, written), [], JSON.stringify(written));
      }),
      parameters,
    );
  }
});

test('every field of a message has its place in the schema', () => {
  let fields = 0;
  for (const [name, { properties, type }] of collection.schemas) {
    if (type !== 'object' || properties === undefined) continue;
    const { wrappingKeys, fields: all } = describeMessage(name);
    for (const { inline, oneof, jsonName } of all) {
      if (inline) continue;
      const key = (oneof !== undefined && wrappingKeys[oneof]) || jsonName;
      assert.ok(properties[key], `${name} has ${key}`);
      fields++;
    }
  }
  assert.ok(fields > 1000);
});

test('misfits() finds what does not fit', () => {
  const job = { $ref: '#/components/schemas/api.JobSubmitRequestItem' };
  const fits = (json: unknown): boolean => misfits(schemas, job, json).length === 0;
  assert.ok(fits({ priority: 1, podSpecs: [{ containers: [{ ports: [{ containerPort: 80 }] }] }] }));
  for (const json of [
    { priorities: 1 },
    { priority: '1' },
    { podSpecs: {} },
    { podSpecs: [{ containers: [{ ports: [{ containerPort: 1.5 }] }] }] },
    { labels: { a: 1 } },
    { services: [{ type: 'Loadbalancer' }] },
    [],
    null,
  ]) {
    assert.ok(!fits(json), JSON.stringify(json));
  }
});
