import { noObserver } from '../door/observer.ts';
import { type BidiMethod, serving, type StreamMethod, type UnaryMethod } from './testing/serving.ts';
import { compressionAlgorithms, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAuthorizer } from '../auth/authorizer.ts';
import { anonymousScheme } from '../auth/anonymous.ts';
import { createChain } from '../auth/chain.ts';
import { ArmadaError } from '../base/errors.ts';

const codeOf = (code: status) => (error: ServiceError) => {
  assert.equal(status[error.code], status[code], error.details);
  return true;
};

test('a service answers, and knows who calls', async () => {
  const ask: UnaryMethod = async (request, { principal }) => `${principal.name} said ${request}`;
  await using served = await serving({ ask });
  assert.equal(await served.ask('hello'), 'anonymous said hello');
});

test('a refusal reaches the caller with its code, an accident without its text', async () => {
  const fail = (request: string): never => {
    if (request === 'refuse') throw new ArmadaError('QUEUE_NOT_FOUND', 'queue "ä" does not exist');
    throw new TypeError('secret');
  };
  const ask: UnaryMethod = fail;
  const count: StreamMethod = async function* (request) {
    yield 'first';
    fail(request);
  };
  const talk: BidiMethod = async (requests) => {
    for await (const request of requests) fail(request);
  };
  await using served = await serving({ ask, count, talk });
  for (const call of [served.ask, served.count, served.talk]) {
    await assert.rejects(call('refuse'), { code: status.NOT_FOUND, details: 'queue "ä" does not exist' });
    await assert.rejects(call('break'), (error: ServiceError) => {
      assert.equal(error.code, status.INTERNAL);
      assert.match(error.details, /^internal error; quote request id id-\d+ when reporting it$/);
      assert(!JSON.stringify(error.metadata.getMap()).includes('secret'));
      return true;
    });
  }
});

test('a text with half a character in it is told all the same', async () => {
  const ask: UnaryMethod = () => {
    throw new ArmadaError('INVALID_REQUEST', `got ${'😀'.slice(0, 1)}`);
  };
  await using served = await serving({ ask });
  await assert.rejects(served.ask('go'), { code: status.INVALID_ARGUMENT, details: 'got \ufffd' });
});

test('the request id of the caller is used if it is one', async () => {
  const ask: UnaryMethod = () => {
    throw new TypeError();
  };
  await using served = await serving({ ask });
  const idFor = async (given: string): Promise<string> => {
    const error = await served.ask('go', { 'x-request-id': given }).catch((thrown: ServiceError) => thrown);
    assert(typeof error !== 'string');
    return String(error.metadata.get('x-request-id')[0]);
  };
  assert.equal(await idFor('mine-1'), 'mine-1');
  assert.match(await idFor('x'.repeat(65)), /^id-/);
  assert.match(await idFor('a b'), /^id-/);
});

test('what every answer says in its headers comes before the first message, also of a refusal', async () => {
  const ask: UnaryMethod = (request) => {
    if (request === 'refuse') throw new ArmadaError('QUEUE_NOT_FOUND', 'there is none');
    return 'fine';
  };
  const count: StreamMethod = async function* () {
    yield 'first';
  };
  const versionNotice = (version: string) => (version === '0.0.1' ? 'too old' : undefined);
  await using served = await serving({ ask, count }, { versionNotice });
  const old = { 'armada-client-version': '0.0.1', 'x-request-id': 'mine' };
  for (const call of [
    served.openAsk('go', old),
    served.openAsk('refuse', old),
    served.openCount('go', old).resume(),
  ]) {
    const [headers]: unknown[] = await once(call, 'metadata');
    assert(headers instanceof Metadata);
    assert.deepEqual(headers.get('x-request-id'), ['mine']);
    assert.deepEqual(headers.get('armada-version-notice'), ['too old']);
  }
  const [headers]: unknown[] = await once(
    served.openAsk('go', { 'armada-client-version': '1.0.0' }),
    'metadata',
  );
  assert(headers instanceof Metadata);
  assert.deepEqual(headers.get('armada-version-notice'), []);
});

test('who is not known is told how to become known', async () => {
  const basic = { name: 'basic', challenge: 'Basic realm="armada"', authenticate: () => undefined };
  const count: StreamMethod = async function* () {
    yield 'never';
  };
  await using served = await serving(
    { ask: () => '', count },
    { chain: createChain([basic, anonymousScheme]) },
  );
  for (const call of [served.ask, served.count]) {
    await assert.rejects(call('go', { authorization: 'Basic YTpi' }), (error: ServiceError) => {
      assert.equal(error.code, status.UNAUTHENTICATED);
      assert.deepEqual(error.metadata.get('www-authenticate'), ['Basic realm="armada"']);
      return true;
    });
  }
});

test('a method is closed to who lacks its permission, before the service hears of the call', async () => {
  let calls = 0;
  const ask: UnaryMethod = () => String(calls++);
  const count: StreamMethod = async function* () {
    yield String(calls++);
  };
  const talk: BidiMethod = async () => void calls++;
  const authorizer = createAuthorizer({ permissionGroupMapping: {}, permissionScopeMapping: {} });
  const methods = { ask, count, talk };
  await using closed = await serving(methods, { authorizer }, 'execute_jobs');
  for (const call of [closed.ask, closed.count, closed.talk]) {
    await assert.rejects(call('go'), codeOf(status.PERMISSION_DENIED));
  }
  assert.equal(calls, 0);
  // A verb on a queue is checked by the service, which knows the queue.
  for (const need of ['queue:watch', 'authenticated'] as const) {
    await using open = await serving(methods, { authorizer }, need);
    await open.ask('go');
  }
  assert.equal(calls, 2);
});

test('a client that goes aborts what is done for it', async () => {
  const ended: string[] = [];
  const ask: UnaryMethod = async (_request, { signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    ended.push('ask');
    return '';
  };
  const count: StreamMethod = async function* (_request, { signal }) {
    try {
      yield 'first';
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    } finally {
      ended.push('count');
    }
  };
  // Heeds no signal; it ends when its next item finds nobody.
  const deaf: BidiMethod = async (requests) => {
    for await (const request of requests) assert(request);
    ended.push('talk');
  };
  await using served = await serving({ ask, count, talk: deaf });
  const calls = [served.openAsk('go'), served.openCount('go'), served.openTalk()];
  await sleep(30);
  for (const call of calls) call.cancel();
  await sleep(30);
  assert.deepEqual(ended.toSorted(), ['ask', 'count', 'talk']);
});

test('a stream whose client has gone is not produced any further, though the service does not look', async () => {
  let produced = 0;
  let isOver = false;
  const count: StreamMethod = async function* () {
    try {
      for (;;) {
        await sleep(1);
        yield String(produced++);
      }
    } finally {
      isOver = true;
    }
  };
  await using served = await serving({ count });
  const call = served.openCount('go');
  await new Promise((resolve) => call.once('data', resolve));
  call.cancel();
  await sleep(30);
  assert(isOver);
});

test('a server that stops ends streams as unavailable and lets calls finish', async () => {
  let finish = (): void => {};
  const ask: UnaryMethod = async () => {
    await new Promise<void>((resolve) => (finish = resolve));
    return 'finished';
  };
  const count: StreamMethod = async function* (_request, { signal }) {
    yield 'first';
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  };
  const talk: BidiMethod = async (requests) => {
    for await (const request of requests) assert(request);
  };
  const served = await serving({ ask, count, talk });
  const answer = served.ask('go');
  const streams = [served.count('go'), served.talk('go', { halfClose: false })];
  const ended = streams.map((stream) => assert.rejects(stream, codeOf(status.UNAVAILABLE)));
  await sleep(30);
  served.stop();
  await Promise.all(ended);
  // Opened too late.
  await assert.rejects(served.count('go'), codeOf(status.UNAVAILABLE));
  finish();
  assert.equal(await answer, 'finished');
  await served[Symbol.asyncDispose]();
});

test('many streams at once make no noise when they wait for the end of the server', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  const count: StreamMethod = async function* (_request, { signal }) {
    yield 'first';
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  };
  const served = await serving({ count });
  const ended = Array.from({ length: 50 }, () => assert.rejects(served.count('go')));
  await sleep(50);
  served.stop();
  await Promise.all(ended);
  await served[Symbol.asyncDispose]();
  process.off('warning', note);
  assert.deepEqual(warnings, []);
});

test('a client that reads nothing is cut off, and what was sent before still reaches it', async () => {
  let isOver = false;
  let produced = 0;
  const count: StreamMethod = async function* () {
    try {
      for (; produced < 10_000; produced++) yield 'x'.repeat(64 * 1024);
    } finally {
      isOver = true;
    }
  };
  await using served = await serving({ count }, { slowClientMs: 50 });
  const call = served.openCount('go');
  // The library's client fetches ahead without bound until something was read.
  await new Promise((resolve) => call.once('data', resolve));
  call.pause();
  await sleep(300);
  assert(isOver, 'the service is let go');
  assert(produced < 100, `${produced} items were made for nobody`);
  let received = 0;
  call.on('data', () => received++).resume();
  const error = await new Promise<ServiceError>((resolve) => call.on('error', resolve));
  assert.equal(error.code, status.UNAVAILABLE);
  assert.match(error.details, /took nothing for 0.05 s/);
  assert(received > 0);
});

test('a slow client that does read is waited for', async () => {
  const count: StreamMethod = async function* () {
    for (let i = 0; i < 60; i++) yield 'x'.repeat(64 * 1024);
  };
  await using served = await serving({ count }, { slowClientMs: 1000 });
  const call = served.openCount('go');
  let received = 0;
  for await (const item of call) {
    assert(item);
    received++;
    await sleep(1);
  }
  assert.equal(received, 60);
});

test('a stream both ways goes on until the client has said all, in order', async () => {
  const talk: BidiMethod = async (requests, send) => {
    for await (const request of requests) {
      await sleep(1);
      await send(request);
    }
    await send('bye');
  };
  await using served = await serving({ talk });
  const call = served.openTalk();
  const said = Array.from({ length: 50 }, (_, i) => `message ${i}`);
  for (const message of said) call.write(message);
  call.end();
  const heard: string[] = [];
  for await (const item of call) heard.push(String(item));
  assert.deepEqual(heard, [...said, 'bye']);
});

test('a service that ends a stream both ways first, ends it', async () => {
  const talk: BidiMethod = async (requests, send) => {
    for await (const request of requests) {
      await send(request);
      return;
    }
  };
  await using served = await serving({ talk });
  assert.deepEqual(await served.talk('hello', { halfClose: false }), ['hello']);
});

test('what a service sends on a stream that has ended is dropped', async () => {
  let sendLate: (() => Promise<void>) | undefined;
  const talk: BidiMethod = async (_requests, send) => {
    sendLate = () => send('late');
  };
  await using served = await serving({ talk });
  assert.deepEqual(await served.talk('go'), []);
  await sendLate?.();
});

test('compressed requests are taken', async () => {
  await using served = await serving({ ask: (request) => String(request.length) }, {}, 'authenticated', {
    'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
  });
  assert.equal(await served.ask('x'.repeat(50_000)), '50000');
});

test('a request over the limit is refused, compressed or not', async () => {
  const ask: UnaryMethod = () => assert.fail('too large to be heard');
  for (const algorithm of [compressionAlgorithms.identity, compressionAlgorithms.gzip]) {
    await using served = await serving({ ask }, {}, 'authenticated', {
      'grpc.default_compression_algorithm': algorithm,
    });
    await assert.rejects(
      served.ask('x'.repeat(served.maxRequestBytes + 1)),
      codeOf(status.RESOURCE_EXHAUSTED),
    );
  }
});

test('bytes that are no message are an internal error, and no news to the service', async () => {
  const ask: UnaryMethod = () => assert.fail('there is nothing to hear');
  const { observer, refused } = countingRefusals();
  await using served = await serving({ ask }, { observer });
  await assert.rejects(served.askBytes(Buffer.from('{')), codeOf(status.INTERNAL));
  assert.deepEqual(refused, ['body']);
});

test('unknown methods are unimplemented', async () => {
  const { observer, refused } = countingRefusals();
  await using served = await serving({ talk: async () => {} }, { observer });
  await assert.rejects(served.ask('go'), codeOf(status.UNIMPLEMENTED));
  assert.deepEqual(refused, ['path']);
});

function countingRefusals() {
  const refused: string[] = [];
  return { refused, observer: { ...noObserver, refused: (why: string) => void refused.push(why) } };
}
