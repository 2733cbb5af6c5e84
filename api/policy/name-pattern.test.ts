import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fitsAny, fitsPattern } from './name-pattern.ts';

test('fitsPattern() takes a star for any characters and all else for itself', () => {
  const fitting = ['a|a', '*|', '*|anything', 'a*|a', 'a*|abc', '*c|abc', 'a*c|ac', 'a*b*c|axbxc', 'a.c|a.c'];
  for (const [pattern = '', name = ''] of fitting.map((one) => one.split('|'))) {
    assert.ok(fitsPattern(pattern, name), `${pattern} ${name}`);
  }
  const unfit = [
    'a|b',
    'a|ab',
    '|a',
    'a*|ba',
    '*c|cb',
    'aa*aa|aaa',
    'a*b*b|ab',
    'a.c|abc',
    'A|a',
    'a*ab*b|ab',
  ];
  for (const [pattern = '', name = ''] of unfit.map((one) => one.split('|'))) {
    assert.ok(!fitsPattern(pattern, name), `${pattern} ${name}`);
  }
  assert.ok(fitsAny(['x', 'b*'], 'bc'));
  assert.ok(!fitsAny([], 'bc'));
});

test('fitsPattern() agrees with a regular expression', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
  fc.assert(
    fc.property(text, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 }), (pattern, name) => {
      const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name);
      assert.equal(fitsPattern(pattern, name), expected);
    }),
  );
});
