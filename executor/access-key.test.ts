import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server, ServerCredentials, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import { type CreateTokenResponse, KeyServiceService } from '@armada-ts/api/armada/auth/v1/keys';
import { connect } from './connection.ts';

test('calls that are cancelled while there is no token end', { timeout: 10_000 }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'armada-access-key-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const accessKeyFile = join(directory, 'key.json');
  writeFileSync(accessKeyFile, '{"accessKey":"armada-key-1","secret":"armada-secret-1"}');
  const server = new Server();
  t.after(() => server.forceShutdown());
  const exchange = Promise.withResolvers<void>();
  const { path, requestDeserialize, responseSerialize } = KeyServiceService.createToken;
  // Never answered, as by a server that stands still.
  const handle = (): void => exchange.resolve();
  server.register<unknown, CreateTokenResponse>(path, handle, responseSerialize, requestDeserialize, 'unary');
  const port = await new Promise<number>((resolve) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) => resolve(bound));
  });
  const connection = connect({
    address: `127.0.0.1:${port}`,
    username: undefined,
    password: undefined,
    accessKeyFile,
  });
  t.after(() => connection.close());
  const found = await connection.reach(5_000);
  assert.ok(found);

  const single = Promise.withResolvers<ServiceError | null>();
  const call = found.executorApi.reportEvents({ events: [] }, connection.metadata(), single.resolve);
  const stream = found.executorApi.leaseJobRuns(connection.metadata());
  const streamed = Promise.withResolvers<StatusObject>();
  stream.on('error', () => {}).on('status', streamed.resolve);
  await exchange.promise;
  call.cancel();
  stream.cancel();
  assert.equal((await single.promise)?.code, status.CANCELLED);
  assert.equal((await streamed.promise).code, status.CANCELLED);
});
