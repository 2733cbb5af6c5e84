import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { toJson } from '@armada-ts/api/json';
import { describeMessage, type FieldDescriptor, isMessageName } from '@armada-ts/api/descriptors';

interface FieldFacts {
  number: number;
  name: string;
  type: string;
  label: string;
  json?: string;
  jsonInline?: boolean;
  jsonKeepsZero?: boolean;
  nullable?: boolean;
}

interface MessageFacts {
  fields: FieldFacts[];
  jsonOneof?: Record<string, string>;
  customJson?: boolean;
}

type Facts = Record<string, MessageFacts>;

const kubernetes = readFacts('kubernetes');

test('the JSON codec has the keys that the contract facts name', () => {
  let compared = 0;
  for (const facts of [readFacts('modern'), readFacts('legacy'), kubernetes]) {
    for (const [typeName, { fields }] of Object.entries(facts)) {
      if (!isMessageName(typeName)) continue;
      for (const { name, json } of fields) {
        if (json === undefined) continue;
        assert.equal(fieldOf(typeName, name).jsonName, json, `${typeName}.${name}`);
        compared++;
      }
    }
  }
  assert.ok(compared > 1000, `only ${compared} keys were compared`);
});

test('the JSON codec inlines, keeps and nulls what Kubernetes does', () => {
  for (const [typeName, { fields }] of Object.entries(kubernetes)) {
    for (const { name, type, label, ...fact } of fields) {
      const field = fieldOf(typeName, name);
      const place = `${typeName}.${name}`;
      assert.equal(field.inline, fact.jsonInline ?? false, `${place} inlined`);
      assert.equal(field.keepEmpty, fact.jsonKeepsZero ?? false, `${place} kept when empty`);
      if (type === 'message' || label !== 'optional') continue;
      assert.equal(field.presence, fact.nullable ? 'nullable' : 'optional', `${place} without a value`);
    }
  }
});

test('the JSON codec wraps the oneofs that the contract facts name', () => {
  const wrapped = Object.entries(readFacts('modern')).filter(([, { jsonOneof }]) => jsonOneof !== undefined);
  assert.ok(wrapped.length > 0);
  for (const [typeName, { jsonOneof = {} }] of wrapped) {
    const { wrappingKeys } = describeMessage(typeName);
    for (const [oneof, key] of Object.entries(jsonOneof)) {
      assert.equal(wrappingKeys[oneof] ?? '', key, `${typeName}.${oneof}`);
    }
  }
});

test('the JSON codec has a form of its own for each message of Kubernetes that brings one', () => {
  const custom = Object.entries(kubernetes).filter(([, { customJson }]) => customJson);
  assert.equal(custom.length, 4);
  for (const [typeName] of custom) {
    assert.ok(isMessageName(typeName));
    const empty = describeMessage(typeName).createEmpty();
    assert.notEqual(typeof (toJson(typeName, empty as never) ?? ''), 'object', typeName);
  }
});

function readFacts(generation: string): Facts {
  const url = new URL(`contract/${generation}.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { messages: Facts }).messages;
}

function fieldOf(typeName: string, protoName: string): FieldDescriptor {
  const field = describeMessage(typeName).fields.find((each) => each.protoName === protoName);
  assert.ok(field, `${typeName} has no field ${protoName}`);
  return field;
}
