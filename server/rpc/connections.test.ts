import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { calmAdmission, openDoor } from '../door/testing/doors.ts';
import { createGrpcServer } from './server.ts';

test('a connection may send a megabyte ahead from its first call on', async () => {
  const deps = { maxRequestBytes: 1024, admission: calmAdmission(), door: openDoor() };
  const server = createGrpcServer([], deps);
  const port = await server.listen('127.0.0.1', 0);
  const session = connect(`http://127.0.0.1:${port}`);
  const call = session.request({ ':method': 'POST', ':path': '/a.B/C', 'content-type': 'application/grpc' });
  call.resume().end();
  for (let i = 0; i < 100 && (session.state.remoteWindowSize ?? 0) < 1_000_000; i++) await sleep(10);
  assert.equal(session.state.remoteWindowSize, 1024 * 1024);
  session.close();
  await server.close();
});
