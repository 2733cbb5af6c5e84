import { JobSubmitResponse } from '@armada-ts/api/api/submit';
import { BadRequest, ErrorInfo, RetryInfo } from '@armada-ts/api/google/rpc/error_details';
import { Status } from '@armada-ts/api/google/rpc/status';
import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArmadaError, type ErrorCode } from '../base/errors.ts';
import { type Logger, silentLogger } from '../base/logger.ts';
import { GRPC_CODES, toCallStatus } from '../door/errors.ts';
import { toWireError, type WireError } from './wire-error.ts';

const wire = (error: unknown, logger: Logger = silentLogger): WireError =>
  toWireError(toCallStatus(error, 'request-1', logger));

function richOf({ metadata }: WireError): { bytes: Buffer; status: Status } {
  const bytes = metadata.get('grpc-status-details-bin')[0];
  assert(Buffer.isBuffer(bytes));
  return { bytes, status: Status.decode(bytes) };
}

function detailOf<T>(error: WireError, name: string, type: { decode(bytes: Uint8Array): T }): T | undefined {
  const found = richOf(error).status.details.find(({ typeUrl }) => typeUrl === `type.googleapis.com/${name}`);
  return found && type.decode(found.value);
}

test('every refusal has the gRPC code of its error code, and names that code', () => {
  // A second spelling of the table, by what a caller can do about it.
  const expected: [keyof typeof status, ErrorCode[]][] = [
    ['INVALID_ARGUMENT', ['INVALID_REQUEST']],
    ['UNAUTHENTICATED', ['UNAUTHENTICATED', 'CREDENTIALS_ENDED']],
    ['PERMISSION_DENIED', ['PERMISSION_DENIED']],
    ['NOT_FOUND', ['QUEUE_NOT_FOUND', 'JOB_NOT_FOUND', 'JOB_SET_NOT_FOUND', 'LOG_NOT_FOUND']],
    ['NOT_FOUND', ['EXECUTOR_NOT_FOUND', 'NODE_NOT_FOUND', 'SERVER_NOT_FOUND']],
    ['NOT_FOUND', ['SERVICE_NOT_FOUND', 'KEY_NOT_FOUND']],
    ['ALREADY_EXISTS', ['QUEUE_EXISTS', 'CLIENT_ID_CONFLICT', 'EXECUTOR_TAKEN']],
    ['FAILED_PRECONDITION', ['QUEUE_NOT_EMPTY', 'EXECUTOR_IN_USE', 'SERVER_ALIVE']],
    ['FAILED_PRECONDITION', ['KEY_LIMIT', 'KEY_IN_USE', 'KEY_NOT_EVERYWHERE']],
    ['ABORTED', ['CONFLICT']],
    ['OUT_OF_RANGE', ['EVENTS_GONE']],
    ['RESOURCE_EXHAUSTED', ['OVERLOADED']],
    ['UNAVAILABLE', ['WATCH_BEHIND', 'UNAVAILABLE']],
  ];
  const told = expected.flatMap(([, codes]) => codes);
  assert.deepEqual(told.toSorted(), Object.keys(GRPC_CODES).toSorted());
  for (const [name, codes] of expected) {
    for (const code of codes) {
      const error = wire(new ArmadaError(code, 'no'));
      assert.equal(error.code, status[name], code);
      assert.equal(error.details, 'no');
      assert.equal(detailOf(error, 'google.rpc.ErrorInfo', ErrorInfo)?.reason, code);
    }
  }
});

test('the status in the details repeats code and message, for Go shows only that one', () => {
  const error = wire(new ArmadaError('QUEUE_NOT_FOUND', 'queue "a" does not exist'));
  const { code, message } = richOf(error).status;
  assert.deepEqual([code, message], [status.NOT_FOUND, 'queue "a" does not exist']);
});

test('what went wrong inside stays inside', () => {
  const logged: unknown[] = [];
  const logger: Logger = { ...silentLogger, error: (fields) => logged.push(fields) };
  const cause = new TypeError('secret at /var/lib');
  for (const thrown of [cause, 'secret', { message: 'secret' }, undefined]) {
    const error = wire(thrown, logger);
    assert.equal(error.code, status.INTERNAL);
    assert.equal(error.details, 'internal error; quote request id request-1 when reporting it');
    assert.deepEqual(error.metadata.getMap(), { 'x-request-id': 'request-1' });
  }
  assert.deepEqual(logged[0], { err: cause, requestId: 'request-1' });
});

test('the cause of a refusal is logged and not sent', () => {
  const logged: unknown[] = [];
  const logger: Logger = { ...silentLogger, warn: (fields) => logged.push(fields) };
  const cause = new Error('secret');
  const error = wire(new ArmadaError('UNAVAILABLE', 'the store is away', { cause }), logger);
  assert.deepEqual(logged, [{ err: cause, requestId: 'request-1', code: 'UNAVAILABLE' }]);
  assert(!richOf(error).bytes.includes('secret'));
});

test('when to try again is told', () => {
  const retryOf = (retryAfterMs: number) =>
    detailOf(
      wire(new ArmadaError('OVERLOADED', 'later', { retryAfterMs })),
      'google.rpc.RetryInfo',
      RetryInfo,
    )?.retryDelay;
  assert.partialDeepStrictEqual(retryOf(1500), { seconds: 1n, nanos: 500_000_000 });
  assert.partialDeepStrictEqual(retryOf(0), { seconds: 0n, nanos: 0 });
});

test('faults are told by field, and by item for those of a submit', () => {
  const error = wire(
    new ArmadaError('INVALID_REQUEST', 'three things are wrong', {
      faults: [
        { field: 'queue', message: 'must not be empty' },
        { field: 'job_request_items[3].namespace', message: 'must be short' },
        { field: 'job_request_items[7]', message: 'must not be empty' },
      ],
    }),
  );
  assert.deepEqual(
    detailOf(error, 'google.rpc.BadRequest', BadRequest)?.fieldViolations.map(({ field, description }) => [
      field,
      description,
    ]),
    [
      ['queue', 'must not be empty'],
      ['job_request_items[3].namespace', 'must be short'],
      ['job_request_items[7]', 'must not be empty'],
    ],
  );
  assert.deepEqual(
    detailOf(error, 'api.JobSubmitResponse', JobSubmitResponse)?.jobResponseItems.map((item) => item.error),
    ['item 3: namespace must be short', 'item 7: must not be empty'],
  );
  assert.equal(detailOf(error, 'google.rpc.RetryInfo', RetryInfo), undefined);
});

test('no more than 20 faults are told, as many as fit', () => {
  const faultsOf = (count: number, length: number) =>
    Array.from({ length: count }, (_, i) => ({
      field: `job_request_items[${i}].namespace`,
      message: 'x'.repeat(length),
    }));
  const toldOf = (count: number, length: number): number | undefined => {
    const error = wire(new ArmadaError('INVALID_REQUEST', 'no', { faults: faultsOf(count, length) }));
    return detailOf(error, 'google.rpc.BadRequest', BadRequest)?.fieldViolations.length;
  };
  assert.equal(toldOf(1000, 5), 20);
  assert.equal(toldOf(20, 5), 20);
  for (const length of [200, 1000, 10_000, 1_000_000]) assert((toldOf(20, length) ?? 0) >= 3, String(length));
});

test('whatever the error says, its trailers stay below 8 KiB and can be spelled', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 100 }),
    fc.constantFrom('x', 'é', '世', '😀', '😀'.slice(0, 1), '%', '\n').map((part) => part.repeat(5000)),
    fc.constantFrom('a', 'aa', 'aaa').map((start) => start + '😀'.repeat(3000)),
  );
  const fault = fc.record({
    field: fc.oneof(text, fc.constant('job_request_items[1].x')),
    message: text,
  });
  fc.assert(
    fc.property(text, fc.array(fault, { maxLength: 25 }), fc.option(fc.nat()), (message, faults, retry) => {
      const more = retry === null ? { faults } : { faults, retryAfterMs: retry };
      const error = wire(new ArmadaError('INVALID_REQUEST', message, more));
      const { bytes, status: rich } = richOf(error);
      assert(bytes.byteLength <= 4096, `${bytes.byteLength} bytes`);
      assert.equal(rich.message, error.details);
      const headers = error.metadata.toHttp2Headers();
      const size = JSON.stringify(headers).length + encodeURI(error.details).length;
      assert(size < 8000, `${size} bytes`);
    }),
    { numRuns: 200 },
  );
});
