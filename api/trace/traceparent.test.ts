import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTraceparent, parseTraceparent } from './traceparent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

test('a traceparent is read and written', () => {
  const parsed = parseTraceparent(`00-${TRACE}-${SPAN}-01`);
  assert.deepEqual(parsed, { traceId: TRACE, spanId: SPAN, traceFlags: 1 });
  assert(parsed);
  assert.equal(formatTraceparent(parsed), `00-${TRACE}-${SPAN}-01`);
});

test('of a later version what is known is read', () => {
  assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-00-more`)?.spanId, SPAN);
});

test('what is no traceparent is none', () => {
  for (const text of [
    '',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-0x`,
  ]) {
    assert.equal(parseTraceparent(text), undefined, text);
  }
});
