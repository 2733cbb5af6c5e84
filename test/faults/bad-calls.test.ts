// The judge of answers to absurd requests, on answers that must not pass.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { faultOf } from './bad-calls.ts';

test('answers that blame the wrong side or tell too much are faults', () => {
  const told = (code: status, details = '', isDecodable = true): string | undefined =>
    faultOf({ code, details }, isDecodable);
  assert.equal(told(status.INVALID_ARGUMENT, 'queue: must not be empty'), undefined);
  assert.equal(told(status.INTERNAL, 'index out of range', false), undefined);
  assert.equal(faultOf({ code: undefined, details: '' }, true), undefined);
  assert.match(told(status.INTERNAL) ?? '', /fault of the server/);
  assert.match(told(status.UNKNOWN) ?? '', /says nothing/);
  assert.match(told(status.UNAVAILABLE) ?? '', /says nothing/);
  assert.match(told(status.DEADLINE_EXCEEDED) ?? '', /no answer/);
  assert.match(told(status.OK, '', false) ?? '', /cannot be decoded/);
  assert.match(told(status.INVALID_ARGUMENT, 'x\n    at submit (submit.ts:1:2)') ?? '', /stack trace/);
});
