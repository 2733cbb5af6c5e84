// Whether the documents describe the JSON that is really written and read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contractRoutes } from '@armada-ts/api/routes';
import { fromJson, toJson } from '@armada-ts/api/json';
import { createSchemas, messageSchema } from '@armada-ts/server/gateway/openapi/schemas';
import fc from 'fast-check';
import { arbitraryMessage } from '../../api/json/testing/arbitrary-message.ts';
import { arbitraryJson, misfits } from './schema-fit.ts';

const isLong = process.env['ARMADA_TEST_LONG'] === '1';
const parameters = isLong ? { numRuns: 300 } : { numRuns: 40, seed: 20261121 };

const collection = createSchemas((typeName) => typeName);
const names = new Set(contractRoutes().flatMap(({ request, response }) => [request, response]));
const described = [...names].map((name) => [name, messageSchema(collection, name)] as const);
const schemas = Object.fromEntries(collection.schemas);

test('what the codec writes fits the schema of its message', () => {
  assert.ok(described.length > 50);
  for (const [name, schema] of described) {
    fc.assert(
      fc.property(arbitraryMessage(name, 3), (message) => {
        const json = toJson(name, message as never);
        assert.deepEqual(misfits(schemas, schema, json), [], JSON.stringify(json));
      }),
      parameters,
    );
  }
});

test('what fits the schema of a message is read, without unknown keys', () => {
  for (const [name, schema] of described) {
    fc.assert(
      fc.property(arbitraryJson(schemas, schema), (json) => {
        fromJson(name, json, { unknown: 'error' });
      }),
      parameters,
    );
  }
});
