import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RetryInfo } from '@armada-ts/api/google/rpc/error_details';
import { Status } from '@armada-ts/api/google/rpc/status';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { retryHintMs } from './retry-hint.ts';

function errorWith(details: Buffer | undefined): ServiceError {
  const metadata = new Metadata();
  if (details) metadata.set('grpc-status-details-bin', details);
  return Object.assign(new Error('refused'), {
    code: status.RESOURCE_EXHAUSTED,
    details: 'refused',
    metadata,
  });
}

function hinting(retryDelay: { seconds: bigint; nanos: number }): Buffer {
  const value = Buffer.from(RetryInfo.encode({ retryDelay }).finish());
  const details = [{ typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value }];
  return Buffer.from(Status.encode({ code: 8, message: 'refused', details }).finish());
}

test('retryHintMs() reads when to ask again, and heeds no hint that is very long', () => {
  assert.equal(retryHintMs(errorWith(hinting({ seconds: 2n, nanos: 500_000_000 }))), 2500);
  assert.equal(retryHintMs(errorWith(hinting({ seconds: 86_400n, nanos: 0 }))), 30_000);
});

test('retryHintMs() knows nothing where nothing, or nothing that can be read, is said', () => {
  assert.equal(retryHintMs(errorWith(undefined)), undefined);
  assert.equal(retryHintMs(errorWith(Buffer.from('no status'))), undefined);
  assert.equal(retryHintMs(errorWith(Buffer.from(Status.encode(Status.create()).finish()))), undefined);
});
