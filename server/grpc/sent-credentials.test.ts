import assert from 'node:assert/strict';
import { type ClientSessionOptions, connect } from 'node:http2';
import { test } from 'node:test';
import { unary } from '../door/method.ts';
import { calmAdmission, openDoor } from '../door/testing/doors.ts';
import { createGrpcServer } from './server.ts';
import { rawMethod } from './testing/raw-method.ts';

const ASK = rawMethod('/a.B/GetAll');

test('whatever was sent as credentials is judged, all of it', async (t) => {
  const judged: (readonly string[])[] = [];
  const door = openDoor();
  const chain: typeof door.chain = {
    ...door.chain,
    authenticate(authorizations, caller) {
      judged.push(authorizations);
      return door.chain.authenticate([], caller);
    },
  };
  const methods = { ask: unary('authenticated', () => Buffer.alloc(1)) };
  const deps = { maxRequestBytes: 1024, admission: calmAdmission(), door: { ...door, chain } };
  const server = createGrpcServer([{ definition: { ask: ASK }, methods }], deps);
  const url = `http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
  const lax = { strictSingleValueFields: false, strictFieldWhitespaceValidation: false };
  const session = connect(url, lax as ClientSessionOptions);
  t.after(async () => {
    session.destroy();
    await server.close();
  });
  for (const values of [
    [],
    ['Basic YTpi'],
    ['Basic YTpi', 'Bearer x'],
    ['', 'Basic YTpi'],
    [''],
    [' '],
    [' Basic YTpi '],
    ['Basic\tYTpi'],
    ['Bearer \u00e9'],
  ]) {
    const fixed = [':method', 'POST', ':path', ASK.path, 'content-type', 'application/grpc'];
    const headers = [...fixed, ...values.flatMap((value) => ['authorization', value])];
    const call = session.request(headers as never);
    call.end(Buffer.alloc(5));
    for await (const _ of call) void _;
    const carried = values.map((value) => value.replaceAll(/[^ -~]/g, '?'));
    assert.deepEqual(judged.pop(), carried, JSON.stringify(values));
  }
});
