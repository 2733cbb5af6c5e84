// JSON that nobody should send, with what is to become of it as a request to
// create a queue. Whatever is refused changes nothing.

export interface JsonCase {
  name: string;
  body: string | Buffer;
  status: number;
  /** What the answer says of it. */
  says?: RegExp;
}

const REFUSED = 400;
const TAKEN = 200;

const named = (more: string): string => `{"name":"corpus","priorityFactor":1${more}}`;
const factor = (value: string): string => `{"name":"corpus","priorityFactor":${value}}`;
const textOf = (...bytes: number[]): Buffer =>
  Buffer.concat([Buffer.from('{"priorityFactor":1,"name":"'), Buffer.from(bytes), Buffer.from('"}')]);

const TWICE = /is there twice/;
const DEEP = /nested more than 100 levels/;
const NO_JSON = /expected JSON/;
const NO_NUMBER = /priorityFactor: expected a number/;

export const JSON_CASES: readonly JsonCase[] = [
  { name: 'a key twice', body: named(',"name":"other"'), status: REFUSED, says: TWICE },
  {
    name: 'the same key, spelled otherwise',
    body: named(',"n\\u0061me":"other"'),
    status: REFUSED,
    says: TWICE,
  },
  {
    name: 'a key twice, far inside',
    body: named(',"labels":{"a":"1","a":"2"}'),
    status: REFUSED,
    says: TWICE,
  },
  {
    name: 'a key twice where nobody looks',
    body: named(',"whatever":[{"a":1,"a":2}]'),
    status: REFUSED,
    says: TWICE,
  },
  { name: '__proto__ twice', body: named(',"__proto__":{},"__proto__":{}'), status: REFUSED, says: TWICE },
  { name: '__proto__', body: named(',"__proto__":{"cordoned":true,"name":"evil"}'), status: TAKEN },
  { name: 'constructor', body: named(',"constructor":{"prototype":{"name":"evil"}}'), status: TAKEN },
  {
    name: '__proto__ as a label',
    body: named(',"labels":{"__proto__":"a","constructor":"b"}'),
    status: TAKEN,
  },
  { name: 'unknown keys', body: named(',"whatever":{"a":[1,"2",null]}'), status: TAKEN },
  {
    name: '101 lists',
    body: named(`,"whatever":${'['.repeat(101)}${']'.repeat(101)}`),
    status: REFUSED,
    says: DEEP,
  },
  { name: '100,000 objects', body: '{"a":'.repeat(100_000), status: REFUSED, says: DEEP },
  { name: 'a megabyte of brackets', body: '['.repeat(1024 * 1024), status: REFUSED, says: DEEP },
  { name: 'NaN', body: factor('NaN'), status: REFUSED, says: NO_JSON },
  { name: 'Infinity', body: factor('Infinity'), status: REFUSED, says: NO_JSON },
  { name: '1e400', body: factor('1e400'), status: REFUSED, says: NO_NUMBER },
  { name: '-1e400', body: factor('-1e400'), status: REFUSED, says: NO_NUMBER },
  { name: 'NaN as text', body: factor('"NaN"'), status: REFUSED, says: /priority_?factor/i },
  { name: 'a number as text', body: factor('"1"'), status: REFUSED, says: NO_NUMBER },
  {
    name: 'a number with 100,000 digits',
    body: factor('9'.repeat(100_000)),
    status: REFUSED,
    says: NO_NUMBER,
  },
  { name: 'a fraction with 100,000 digits', body: factor(`1.${'9'.repeat(100_000)}`), status: TAKEN },
  { name: '0x10', body: factor('0x10'), status: REFUSED, says: NO_JSON },
  { name: 'a true number', body: factor('true'), status: REFUSED, says: NO_NUMBER },
  { name: 'bad UTF-8', body: textOf(0xc3, 0x28), status: REFUSED, says: /UTF-8/ },
  { name: 'half a surrogate pair in UTF-8', body: textOf(0xed, 0xa0, 0x80), status: REFUSED, says: /UTF-8/ },
  {
    name: 'half a surrogate pair',
    body: textOf(...Buffer.from('\\ud800')),
    status: REFUSED,
    says: /surrogate/,
  },
  { name: 'a NUL in a name', body: textOf(...Buffer.from('a\\u0000b')), status: REFUSED },
  { name: 'no JSON', body: 'queue=corpus', status: REFUSED, says: NO_JSON },
  { name: 'two values', body: `${named('')} {}`, status: REFUSED, says: NO_JSON },
  { name: 'cut off', body: named('').slice(0, -1), status: REFUSED, says: NO_JSON },
  { name: 'a byte order mark', body: `\ufeff${named('')}`, status: REFUSED, says: NO_JSON },
  { name: 'a list', body: `[${named('')}]`, status: REFUSED, says: /expected an object/ },
  { name: 'text', body: '"corpus"', status: REFUSED, says: /expected an object/ },
  { name: 'nothing', body: '', status: REFUSED },
  { name: 'null', body: 'null', status: REFUSED },
  {
    name: 'a wrong kind',
    body: '{"name":{"a":1},"priorityFactor":1}',
    status: REFUSED,
    says: /name: expected text/,
  },
  { name: 'spaces only', body: ' '.repeat(100_000), status: REFUSED, says: NO_JSON },
  {
    name: '100,000 keys that are not known',
    body: named(`,"whatever":{${Array.from({ length: 100_000 }, (_, i) => `"${i * 7919}":0`).join()}}`),
    status: TAKEN,
  },
];
