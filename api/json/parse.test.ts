import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonError } from './faults.ts';
import { parseJson } from './parse.ts';

const parsed = (text: string | Uint8Array): unknown => parseJson(Buffer.from(text));

function refusalOf(text: string | Uint8Array): string {
  try {
    parsed(text);
  } catch (error) {
    assert.ok(error instanceof JsonError);
    return error.message;
  }
  throw new assert.AssertionError({ message: `taken: ${Buffer.from(text).toString().slice(0, 80)}` });
}

test('parseJson() gives what JSON.parse gives', () => {
  for (const text of [
    'null',
    ' {} ',
    '"{:,[\\"\\\\"',
    '[1,"a:b",{"a":{"a":[{"a":1}]},"b":{"a":2}},{"a":3}]',
    '{"":{"":""},"é":"日本","\\u00e9\\u0301":1,"a\\"b":2}',
    '{"1":1,"01":2,"-0":-0,"2":1e-400}',
    '{"toString":1,"constructor":{"prototype":{}}}',
  ]) {
    assert.deepEqual(parsed(text), JSON.parse(text), text);
  }
});

test('parseJson() refuses a key that is there twice and says where', () => {
  for (const [text, message] of [
    ['{"queue":"mine","queue":"yours"}', 'queue: the key is there twice'],
    ['{"a":[{"b":1},{"b":"x,:{","c":[0],"b":2}]}', 'a[1].b: the key is there twice'],
    ['{"a":{"b":[1,[2,{"c":1,"c":2}]]}}', 'a.b[1][1].c: the key is there twice'],
    ['{"a\\u0062":1,"ab":2}', 'ab: the key is there twice'],
    ['{"0":1,"0":2}', '["0"]: the key is there twice'],
    ['{"__proto__":{"a":1},"__proto__":{"a":1}}', '__proto__: the key is there twice'],
    ['[{"a":{},"b":[],"c":"\\\\","a":{}}]', '[0].a: the key is there twice'],
  ] as const) {
    assert.equal(refusalOf(text), message);
  }
});

test('parseJson() takes __proto__ for the key that it is', () => {
  const value = parsed('{"__proto__":{"admin":true}}') as object;
  assert.deepEqual(Object.keys(value), ['__proto__']);
  assert.equal('admin' in value, false);
});

test('parseJson() refuses more than 100 levels', () => {
  const nested = (levels: number): string => `${'[{"a":'.repeat(levels / 2)}0${'}]'.repeat(levels / 2)}`;
  assert.deepEqual(parsed(nested(100)), JSON.parse(nested(100)));
  for (const text of [nested(102), '['.repeat(101), '{"a":'.repeat(4_000_000)]) {
    assert.equal(refusalOf(text), 'nested more than 100 levels deep');
  }
  assert.deepEqual(parsed(`["${'['.repeat(200)}"]`), ['['.repeat(200)]);
});

test('parseJson() refuses what is no JSON, without the reach of a terminal', () => {
  for (const text of [
    '',
    ' ',
    '{',
    '{"a":NaN}',
    '[1,]',
    '{} {}',
    "{'a':1}",
    '{"a":0x10}',
    '{"a":01}',
    '{"a":"\t"}',
    '"a',
    '"\\',
    '}]',
    ':::',
    '{"a":1,"a"',
    '\ufeff{}',
    '\u001b[2J\u202e',
  ]) {
    const message = refusalOf(text);
    assert.match(message, /^expected JSON: /, text);
    assert.doesNotMatch(message, /[\p{Cc}\p{Cf}]/u);
    assert.ok(message.length < 200, message);
  }
});

test('parseJson() refuses bytes that are no UTF-8', () => {
  for (const bytes of [[0xc3, 0x28], [0xed, 0xa0, 0x80], [0xff], [0xc0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
    const text = Buffer.from([0x22, ...bytes, 0x22]);
    assert.equal(refusalOf(text), 'expected JSON in UTF-8, got bytes that are none');
  }
});
