import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson, JsonError, toJson } from './codec.ts';
import { formatInstant, formatSpan, parseInstant, parseSpan } from './times.ts';

const timestamp = 'google.protobuf.Timestamp';
const duration = 'google.protobuf.Duration';
const time = 'k8s.io.apimachinery.pkg.apis.meta.v1.Time';
const quantity = 'k8s.io.apimachinery.pkg.api.resource.Quantity';
const strict = { unknown: 'error' } as const;

test('parseInstant() takes RFC 3339 to the nanosecond, in any zone', () => {
  const cases: [string, bigint, number][] = [
    ['1970-01-01T00:00:00Z', 0n, 0],
    ['2021-07-12T15:29:56.5Z', 1626103796n, 500_000_000],
    ['2021-07-12t17:29:56.000000001+02:00', 1626103796n, 1],
    ['2021-07-12T09:59:56-05:30', 1626103796n, 0],
    ['1969-12-31T23:59:59.25z', -1n, 250_000_000],
    ['0001-01-01T00:00:00Z', -62135596800n, 0],
    ['9999-12-31T23:59:59.999999999Z', 253402300799n, 999_999_999],
    ['2024-02-29T00:00:00Z', 1709164800n, 0],
  ];
  for (const [text, seconds, nanos] of cases) assert.deepEqual(parseInstant(text), { seconds, nanos }, text);
});

test('parseInstant() refuses what is no instant', () => {
  const texts = [
    '',
    '2021-07-12',
    '2021-07-12T15:29Z',
    '2021-07-12 15:29:56Z',
    '2021-07-12T15:29:56',
    '2021-02-29T00:00:00Z',
    '2021-13-01T00:00:00Z',
    '2021-07-12T24:00:00Z',
    '2016-12-31T23:59:60Z',
    '2021-07-12T15:29:56.Z',
    '2021-07-12T15:29:56.1234567890Z',
    '2021-07-12T15:29:56+24:00',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '+2021-07-12T15:29:56Z',
  ];
  for (const text of texts) assert.equal(parseInstant(text), undefined, text);
});

test('formatInstant() and formatSpan() write as many digits as needed, and nothing out of range', () => {
  assert.equal(formatInstant({ seconds: -1n, nanos: 120_000_000 }), '1969-12-31T23:59:59.12Z');
  assert.equal(formatInstant({ seconds: 253402300800n, nanos: 0 }), undefined);
  assert.equal(formatInstant({ seconds: 0n, nanos: -1 }), undefined);
  assert.equal(formatSpan({ seconds: 1n, nanos: 500_000_000 }), '1.5s');
  assert.equal(formatSpan({ seconds: 0n, nanos: -1 }), '-0.000000001s');
  assert.equal(formatSpan({ seconds: 0n, nanos: 0 }), '0s');
  assert.equal(formatSpan({ seconds: 1n, nanos: -1 }), undefined);
  assert.equal(formatSpan({ seconds: 0n, nanos: 1_000_000_000 }), undefined);
});

test('parseSpan() takes seconds only', () => {
  assert.deepEqual(parseSpan('1.5s'), { seconds: 1n, nanos: 500_000_000 });
  assert.deepEqual(parseSpan('-0.000000001s'), { seconds: 0n, nanos: -1 });
  assert.deepEqual(parseSpan('-3s'), { seconds: -3n, nanos: 0 });
  for (const text of ['', '1', '1m', '1.s', '.5s', '+1s', '1.0000000000s', '315576000001s']) {
    assert.equal(parseSpan(text), undefined, text);
  }
});

test('times are also taken, and if need be written, as seconds and nanos', () => {
  const future = { seconds: 300000000000n, nanos: 5, _unknownFields: {} };
  assert.deepEqual(toJson(timestamp, future), { seconds: 300000000000, nanos: 5 });
  assert.deepEqual(fromJson(timestamp, { seconds: 300000000000, nanos: 5 }, strict), future);
  assert.deepEqual(toJson(duration, { seconds: 1n, nanos: -5 }), { seconds: 1, nanos: -5 });
  assert.throws(
    () => fromJson(timestamp, { second: 1 }, strict),
    /^JsonError: second: unknown key; did you mean "seconds"\?$/,
  );
  assert.throws(
    () => fromJson(timestamp, 1626103796, strict),
    /expected text such as "2021-07-12T15:29:56\.5Z", got 1626103796/,
  );
  assert.throws(() => fromJson(duration, '1m', strict), /expected text such as "1626103796\.5s", got "1m"/);
});

test("Kubernetes' Time is null when empty, and the epoch is not empty", () => {
  assert.equal(toJson(time, {}), null);
  assert.equal(toJson(time, { seconds: 0n, nanos: 0 }), '1970-01-01T00:00:00Z');
  assert.deepEqual(fromJson(time, null, strict), {
    seconds: undefined,
    nanos: undefined,
    _unknownFields: {},
  });
});

test('Quantity takes the grammar of Kubernetes and keeps the text', () => {
  const read = (json: unknown) => fromJson(quantity, json, strict).string;
  for (const text of [
    '0',
    '500m',
    '1.5Gi',
    '.5',
    '5.',
    '+1',
    '-1',
    '1e3',
    '1E-3',
    '2E',
    '1n',
    '1u',
    '1k',
    '64Ei',
  ]) {
    assert.equal(read(text), text);
  }
  assert.equal(read(' 1Gi '), '1Gi');
  assert.equal(read(0.2), '0.2');
  assert.equal(read(1e21), '1e+21');
  for (const wrong of [
    '',
    '.',
    'm',
    '1K',
    '1ki',
    '1 Gi',
    '1GiB',
    '1e',
    '1e1.5',
    '0x1',
    '1,5',
    Number.NaN,
    true,
    {},
  ]) {
    assert.throws(() => read(wrong), JsonError, JSON.stringify(wrong));
  }
});

test('Quantity is refused quickly, however long', () => {
  const startedAt = performance.now();
  assert.throws(() => fromJson(quantity, `${'1'.repeat(1_000_000)}!`, strict), JsonError);
  assert.ok(performance.now() - startedAt < 1000);
});
