// Whoever shows no good credentials is refused before anything of what they send is unpacked or decoded, on every door.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { CreateTokenRequest, KeyServiceService } from '@armada-ts/api/armada/auth/v1/keys';
import { SubmitService } from '@armada-ts/api/api/submit';
import { status } from '@grpc/grpc-js';
import { ask, framed, openCall, openSession } from '../faults/raw-grpc.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';
import { authSettings, credentialsOf, OPERATOR, TOKEN_SETTINGS } from './users.ts';

const NO_GZIP = Buffer.from('this is not packed');
const right = String(credentialsOf(OPERATOR.name).get('authorization')[0]);
const wrong = String(credentialsOf(OPERATOR.name, 'guessed').get('authorization')[0]);

const directory = await temporaryDirectory({ after });
let server: Standalone;

before(async () => {
  const auth = {
    ...authSettings([OPERATOR]),
    schemes: ['basic' as const, 'token' as const],
    token: TOKEN_SETTINGS,
  };
  server = await startServer(directory, { auth });
});
after(() => server.kill('SIGKILL'));

interface Sent {
  path: string;
  body: Uint8Array;
  authorization?: string | undefined;
  /** By gRPC; yes when left out. */
  isPacked?: boolean;
}

async function byHttp({ path, body, authorization }: Sent): Promise<[number, string]> {
  const answer = await fetch(server.url + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      ...(authorization !== undefined && { authorization }),
    },
    body: Buffer.from(body),
  });
  const { message } = (await answer.json()) as { message?: string };
  return [answer.status, `${message}, ${answer.headers.get('www-authenticate') ?? 'no challenge'}`];
}

async function byGrpc({ path, body, authorization, isPacked = true }: Sent): Promise<keyof typeof status> {
  const session = openSession(server.address);
  await once(session, 'remoteSettings');
  const frame = framed(body);
  frame[0] = isPacked ? 1 : 0;
  const headers = {
    ...(isPacked && { 'grpc-encoding': 'gzip' }),
    ...(authorization !== undefined && { authorization }),
  };
  const { code } = await ask(openCall(session, path, headers), frame, 10_000);
  session.destroy();
  return status[code] as keyof typeof status;
}

const REST = '/v1/job/submit';
const CONNECT = SubmitService.submitJobs.path;

test('what strangers send is not unpacked', async () => {
  for (const authorization of [undefined, wrong, 'Bearer rubbish']) {
    for (const path of [REST, CONNECT]) {
      const [code, told] = await byHttp({ path, body: NO_GZIP, authorization });
      assert.equal(code, 401, `${path}: ${told}`);
      assert.match(told, /Basic realm="armada"/);
    }
    assert.equal(await byGrpc({ path: CONNECT, body: NO_GZIP, authorization }), 'UNAUTHENTICATED');
  }
});

test('what those send who are known is', async () => {
  for (const path of [REST, CONNECT]) {
    assert.equal((await byHttp({ path, body: NO_GZIP, authorization: right }))[0], 400, path);
    const [code, told] = await byHttp({ path, body: gzipSync('{"queue":"none"}'), authorization: right });
    assert.notEqual(code, 401, `${path}: ${told}`);
  }
  assert.equal(await byGrpc({ path: CONNECT, body: NO_GZIP, authorization: right }), 'INTERNAL');
  assert.equal(await byGrpc({ path: CONNECT, body: gzipSync(''), authorization: right }), 'INVALID_ARGUMENT');
});

test('where nobody has to be known, nobody sends much', async () => {
  const path = KeyServiceService.createToken.path;
  const large = { accessKey: 'a'.repeat(20_000), secret: 'b' };
  const packed = gzipSync(JSON.stringify(large));
  assert.equal((await byHttp({ path: '/v1/key/token', body: packed }))[0], 413);
  assert.equal((await byHttp({ path, body: packed }))[0], 429);
  const message = CreateTokenRequest.encode(large).finish();
  assert.equal(await byGrpc({ path, body: gzipSync(message) }), 'RESOURCE_EXHAUSTED');
  assert.equal(await byGrpc({ path, body: message, isPacked: false }), 'RESOURCE_EXHAUSTED');
  const small = gzipSync(JSON.stringify({ accessKey: 'a', secret: 'b' }));
  assert.equal((await byHttp({ path: '/v1/key/token', body: small }))[0], 401);
});
