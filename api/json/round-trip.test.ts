import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { fromJson, toJson } from './codec.ts';
import { describeMessage, isMessageName, type MessageName, messageNames } from './descriptors.ts';
import { arbitraryMessage } from './testing/arbitrary-message.ts';
import { loadMessageCode, type MessageCode } from './testing/message-modules.ts';
import { normalForm } from './testing/normal-form.ts';

const isLong = process.env['ARMADA_TEST_LONG'] === '1';
/** The same messages every time unless asked for more; fast-check's report of a failure has the seed. */
const parameters = isLong ? { numRuns: 1000 } : { numRuns: 25, seed: 20261121 };
const levels = 3;

let code = new Map<string, MessageCode>();
before(async () => {
  code = await loadMessageCode();
});

const packages = Map.groupBy(messageNames(), (name) => /^[a-z0-9.]+(?=\.)/.exec(name)?.[0] ?? name);
for (const [packageName, names] of packages) {
  test(`any message of ${packageName} survives bytes -> JSON -> bytes up to its normal form`, () => {
    for (const name of names) {
      const generated = codeOf(name);
      fc.assert(
        fc.property(arbitraryMessage(name, levels), (made) => {
          const sent = generated.decode(generated.encode(made).finish());
          const text = JSON.stringify(toJson(name, sent as never));
          const read = fromJson(name, JSON.parse(text), { unknown: 'error' });
          const received = generated.decode(generated.encode(read as never).finish());
          assert.deepEqual(normalForm(name, received), normalForm(name, sent), `${name} as ${text}`);
          assert.equal(JSON.stringify(toJson(name, received as never)), text, `${name} written again`);
        }),
        parameters,
      );
    }
  });
}

test('fromJson() gives what the generated create() gives, in the same order of members', () => {
  for (const name of messageNames()) {
    const created = codeOf(name).create();
    const { createEmpty } = describeMessage(name);
    assert.deepEqual(createEmpty(), created, name);
    assert.deepEqual(Object.keys(createEmpty()), Object.keys(created), name);
  }
});

test('messageNames() has every message that a call of the contract can carry', () => {
  const generated = [...code.keys()].filter(
    (name) => !/^(google\.protobuf|google\.api|google\.rpc)\./.test(name),
  );
  const missing = generated.filter((name) => !isMessageName(name) && !name.endsWith('Entry'));
  assert.ok(generated.length > 300);
  assert.deepEqual(missing, []);
});

test('no message can hold itself, so that its type bounds how deep JSON is read', () => {
  const deepest = Math.max(...messageNames().map((name) => levelsOf(name, [])));
  assert.ok(deepest > 5 && deepest < 50, `${deepest} levels`);
});

function levelsOf(name: string, holders: readonly string[]): number {
  assert.ok(!holders.includes(name), `${name} holds itself, so api/json/read.ts needs a limit of its own`);
  const held = describeMessage(name).fields.filter(({ type }) => type === 'message');
  return 1 + Math.max(0, ...held.map(({ typeName }) => levelsOf(typeName, [...holders, name])));
}

test('a random message is not the empty one', () => {
  const [sample] = fc.sample(arbitraryMessage('k8s.io.api.core.v1.PodSpec', levels), { numRuns: 1, seed: 1 });
  const text = JSON.stringify(toJson('k8s.io.api.core.v1.PodSpec', sample as never));
  assert.ok(text.length > 1000, text);
});

function codeOf(name: MessageName): MessageCode {
  const found = code.get(name);
  assert.ok(found, `${name} has no generated code`);
  return found;
}
