import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ExactQuantity, compareQuantities, parseQuantity, printInteger, toInteger } from './quantity.ts';

function exact(text: string): ExactQuantity {
  const parsed = parseQuantity(text);
  assert.ok(parsed.ok, `${text} is refused`);
  return parsed.value;
}

function integer(text: string, unit: 'milli' | 'one', rounding: 'up' | 'down'): number | string {
  const parsed = toInteger(exact(text), unit, rounding);
  return parsed.ok ? parsed.value : parsed.fault;
}

test('toInteger() counts cpu in thousandths and others whole, rounded as asked', () => {
  assert.equal(integer('1', 'milli', 'up'), 1000);
  assert.equal(integer('250m', 'milli', 'down'), 250);
  assert.equal(integer('0.0001', 'milli', 'up'), 1);
  assert.equal(integer('0.0001', 'milli', 'down'), 0);
  assert.equal(integer('4Gi', 'one', 'up'), 4 * 2 ** 30);
  assert.equal(integer('1.5Ki', 'one', 'up'), 1536);
  assert.equal(integer('1500m', 'one', 'up'), 2);
  assert.equal(integer('1500m', 'one', 'down'), 1);
  assert.equal(integer('2E', 'one', 'up'), 'must be less than 2^53 base units');
  assert.equal(integer('1e3', 'one', 'up'), 1000);
  assert.equal(integer('5E-1', 'milli', 'up'), 500);
  assert.equal(integer('.5', 'milli', 'up'), 500);
  assert.equal(integer('-1', 'one', 'up'), 'must not be negative');
  assert.equal(integer('-0', 'one', 'up'), 0);
});

test('parseQuantity() refuses what Kubernetes would, and exponents that name nothing', () => {
  const wrong = [
    '',
    '.',
    '+',
    'm',
    '1KI',
    '1ki',
    'NaN',
    'Infinity',
    '1 Gi',
    '1Gi ',
    '--1',
    '1.2.3',
    '0x10',
    '1e',
    '1e99',
    '9'.repeat(65),
  ];
  for (const text of wrong) {
    const parsed = parseQuantity(text);
    assert.equal(parsed.ok, false, `${JSON.stringify(text)} is accepted`);
  }
});

test('parseQuantity() agrees with exact arithmetic on any mantissa, fraction and suffix', () => {
  const powers = new Map([
    ['', 0],
    ['n', -9],
    ['u', -6],
    ['m', -3],
    ['k', 3],
    ['M', 6],
    ['G', 9],
    ['T', 12],
    ['P', 15],
    ['E', 18],
  ]);
  const binary = new Map([
    ['Ki', 10n],
    ['Mi', 20n],
    ['Gi', 30n],
    ['Ti', 40n],
    ['Pi', 50n],
    ['Ei', 60n],
  ]);
  const suffixes = [...powers.keys(), ...binary.keys()];
  fc.assert(
    fc.property(
      fc.bigInt(0n, 10n ** 15n),
      fc.nat(6),
      fc.constantFrom(...suffixes),
      (mantissa, places, suffix) => {
        const digits = mantissa.toString().padStart(places + 1, '0');
        const text =
          (places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`) + suffix;
        // All over 10^15: nano-units of a number with six places.
        const scale = 10n ** 15n;
        const shift = binary.get(suffix);
        const expected =
          shift === undefined
            ? mantissa * 10n ** BigInt(15 - places + (powers.get(suffix) ?? 0))
            : mantissa * 10n ** BigInt(15 - places) * 2n ** shift;
        const found = exact(text);
        assert.equal(found.numerator * scale, expected * found.denominator, text);

        for (const [unit, factor] of [
          ['milli', 1000n],
          ['one', 1n],
        ] as const) {
          const down = (expected * factor) / scale;
          const up = (expected * factor + scale - 1n) / scale;
          for (const [rounding, whole] of [
            ['up', up],
            ['down', down],
          ] as const) {
            const parsed = toInteger(found, unit, rounding);
            if (whole > BigInt(Number.MAX_SAFE_INTEGER)) assert.equal(parsed.ok, false);
            else assert.deepEqual(parsed, { ok: true, value: Number(whole) });
          }
        }
      },
    ),
  );
});

test('parseQuantity() never throws', () => {
  fc.assert(fc.property(fc.string(), (text) => typeof parseQuantity(text).ok === 'boolean'));
  fc.assert(
    fc.property(
      fc.stringMatching(/^[-+0-9.eEmkKMi]{0,12}$/),
      (text) => typeof parseQuantity(text).ok === 'boolean',
    ),
  );
});

test('compareQuantities() compares values, not texts', () => {
  assert.equal(compareQuantities(exact('1'), exact('1000m')), 0);
  assert.ok(compareQuantities(exact('1Gi'), exact('1G')) > 0);
  assert.ok(compareQuantities(exact('-1'), exact('0')) < 0);
});

test('printInteger() prints what reads back as the same amount', () => {
  assert.equal(printInteger(1500, 'milli'), '1500m');
  assert.equal(printInteger(2000, 'milli'), '2');
  assert.equal(printInteger(2 ** 30, 'one', true), '1Gi');
  assert.equal(printInteger(1000, 'one', true), '1000');
  assert.equal(printInteger(0, 'one', true), '0');
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      fc.constantFrom('milli' as const, 'one' as const),
      fc.boolean(),
      (amount, unit, binary) => {
        assert.deepEqual(toInteger(exact(printInteger(amount, unit, binary)), unit, 'down'), {
          ok: true,
          value: amount,
        });
      },
    ),
  );
});
