// The audit log of a real server: by gRPC, REST and the operator port, let and refused.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials } from '@grpc/grpc-js';
import { SubmitService } from '@armada-ts/api/api/submit';
import { type AnyMethod, call } from './calls.ts';
import { callHttps } from './operator-calls.ts';
import { startProgram, temporaryDirectory } from './programs.ts';
import { operatorOf, startServer } from './server.ts';
import { authSettings, credentialsOf, OPERATOR, queueOf, STRANGER } from './users.ts';

interface AuditRecord {
  requestId: string;
  method: string;
  who?: string;
  scheme?: string;
  offered?: string;
  on?: { name?: string };
  from: string;
  protocol: string;
  code: string;
}

test('who did what to what is recorded on every door, refused calls too, and no secret with it', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'audit.jsonl');
  const auth = authSettings([OPERATOR, STRANGER]);
  const server = await startServer(directory, { auth, audit: { file: path } });
  const client = new Client(server.address, credentials.createInsecure());
  t.after(async () => {
    client.close();
    await server.kill('SIGKILL');
  });
  const records = async (count: number): Promise<AuditRecord[]> => {
    for (let i = 0; ; i++) {
      const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n').filter(Boolean);
      if (lines.length >= count || i > 200) {
        assert.equal(lines.length, count);
        return lines.map((line): AuditRecord => JSON.parse(line));
      }
      await sleep(25);
    }
  };

  const createQueue = SubmitService.createQueue as AnyMethod;
  const byGrpc = await call(client, createQueue, queueOf('one'), credentialsOf(OPERATOR.name));
  assert.equal(byGrpc.code, 'OK');
  const refused = await call(client, createQueue, queueOf('two'), credentialsOf(STRANGER.name));
  assert.equal(refused.code, 'PERMISSION_DENIED');
  const body = JSON.stringify({ name: 'three', priorityFactor: 1 });
  const post = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${server.url}/v1/queue`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
  const right = String(credentialsOf(OPERATOR.name).get('authorization')[0]);
  const byRest = await post({ authorization: right, 'x-request-id': 'my-request' });
  assert.equal(byRest.status, 200);
  const wrong = Buffer.from(`${OPERATOR.name}:no-such-password`).toString('base64');
  assert.equal((await post({ authorization: `Basic ${wrong}` })).status, 401);

  const seen = await records(4);
  assert.deepEqual(
    seen.map(({ protocol, who, scheme, offered, on, code }) => [
      protocol,
      who ?? offered,
      scheme,
      on?.name,
      code,
    ]),
    [
      ['grpc', OPERATOR.name, 'basic', 'one', 'OK'],
      ['grpc', STRANGER.name, 'basic', 'two', 'PERMISSION_DENIED'],
      ['rest', OPERATOR.name, 'basic', 'three', 'OK'],
      ['rest', 'basic', undefined, undefined, 'UNAUTHENTICATED'],
    ],
  );
  assert.equal(seen[2]?.requestId, 'my-request');
  for (const { method, from } of seen) {
    assert.match(method, /\/CreateQueue$/);
    assert.match(from, /127\.0\.0\.1/);
  }

  const text = await readFile(path, 'utf8');
  for (const secret of [wrong, 'no-such-password', right.slice('Basic '.length)]) {
    assert.equal(text.includes(secret), false);
  }

  await rename(path, `${path}.1`);
  const access = await operatorOf(server, directory);
  const { authorization } = access;
  await callHttps(access, { method: 'DELETE', path: '/v1/operator/executors/nobody', authorization });
  const stranger = String(credentialsOf(STRANGER.name).get('authorization')[0]);
  for (const given of [authorization, undefined, stranger]) {
    await callHttps(access, { path: '/metrics', ...(given && { authorization: given }) });
  }
  const [record, ...refusals] = await records(3);
  assert.deepEqual([record?.scheme, record?.on], ['operator-token', { name: 'nobody' }]);
  assert.deepEqual(
    refusals.map(({ method, who, code }) => [method, who, code]),
    [
      ['/metrics', undefined, 'UNAUTHENTICATED'],
      ['/metrics', STRANGER.name, 'PERMISSION_DENIED'],
    ],
  );

  const untouched = await checked(`${path}.1`, path);
  assert.equal(untouched.code, 0, untouched.text);
  assert.match(untouched.text, /checked 7 lines, from \S+Z to \S+Z, 0 faults\nlast line: [0-9a-f]{64}/);
  await writeFile(`${path}.1`, (await readFile(`${path}.1`, 'utf8')).replace(STRANGER.name, OPERATOR.name));
  const wronged = await checked(`${path}.1`, path);
  assert.equal(wronged.code, 1);
  assert.match(
    wronged.text,
    /audit\.jsonl\.1:3 does not follow the line before it\nchecked 7 lines, .*, 1 fault/,
  );
  assert.equal((await checked()).code, 2);
});

/** What armada-server check-audit says of the files. */
async function checked(...files: string[]): Promise<{ code: number | null; text: string }> {
  const { process: child, lines } = startProgram('server/check-audit.ts', files);
  await once(child, 'close');
  return { code: child.exitCode, text: lines.join('\n') };
}
