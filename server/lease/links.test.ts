import type { LinkRequest, LinkResponse, ReadLog } from '@armada-ts/api/armada/executor/v1/executor';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthorizer } from '../auth/authorizer.ts';
import { standaloneAuth } from '../auth/config.ts';
import type { Principal } from '../auth/principal.ts';
import { createLinks, type Links, MAX_ANSWER_BYTES } from './links.ts';

const executor: Principal = { name: 'executor', groups: [], scopes: [], scheme: 'test' };
const createAllowed = (): Links =>
  createLinks(createAuthorizer({ permissionScopeMapping: {}, ...standaloneAuth }));
const never = new AbortController().signal;
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** An executor with one log, at the far end of a link. */
interface FarEnd {
  questions: ReadLog[];
  cancelled: number[];
  /** Grows while it is followed. */
  log: Buffer;
  write(text: string): void;
  end(): void;
  breakLink(): void;
  done: Promise<void>;
}

function connect(links: Links, executorId = 'cluster'): FarEnd {
  const outbox: (LinkRequest | undefined)[] = [{ message: { $case: 'hello', value: { executorId } } }];
  let wake = (): void => {};
  let isEnded = false;
  const post = (message: LinkRequest | undefined): void => {
    outbox.push(message);
    wake();
  };
  async function* requests(): AsyncGenerator<LinkRequest> {
    for (;;) {
      while (outbox.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      const message = outbox.shift();
      if (!message) return;
      yield message;
    }
  }
  const sent = new Map<number, number>();
  /** Sends what the question has not got yet of what it asks for. */
  const answer = (question: ReadLog): void => {
    const start = question.offset < 0n ? far.log.length + Number(question.offset) : Number(question.offset);
    const from = sent.get(question.question) ?? start;
    const until = Math.min(far.log.length, start + Number(question.limit));
    for (let offset = from; offset < until; offset += 64 * 1024) {
      const data = far.log.subarray(offset, Math.min(until, offset + 64 * 1024));
      chunk(question.question, data, offset);
    }
    sent.set(question.question, until);
    const isFull = until - start === Number(question.limit);
    if (isFull || !question.follow || isEnded) chunk(question.question, Buffer.alloc(0), until, true);
  };
  const chunk = (question: number, data: Buffer, offset: number, end = false): void =>
    post({
      message: { $case: 'logChunk', value: { question, data, offset: BigInt(offset), end, error: '' } },
    });
  const far: FarEnd = {
    questions: [],
    cancelled: [],
    log: Buffer.alloc(0),
    write(text) {
      far.log = Buffer.concat([far.log, Buffer.from(text)]);
      for (const question of far.questions) answer(question);
    },
    end() {
      isEnded = true;
      for (const question of far.questions) answer(question);
    },
    breakLink: () => post(undefined),
    done: links.serve(executor, requests(), async ({ message }: LinkResponse) => {
      if (message?.$case === 'cancel') far.cancelled.push(message.value);
      if (message?.$case !== 'readLog') return;
      far.questions.push(message.value);
      if (message.value.container === 'none') {
        const value = {
          question: message.value.question,
          data: Buffer.alloc(0),
          offset: 0n,
          end: false,
          error: 'no such container',
        };
        post({ message: { $case: 'logChunk', value } });
      } else answer(message.value);
    }),
  };
  return far;
}

const question = (more: Partial<ReadLog> = {}): Omit<ReadLog, 'question'> => ({
  jobId: 'job',
  runId: 'run',
  container: '',
  offset: 0n,
  follow: false,
  limit: 0n,
  ...more,
});

interface Reading {
  text: () => string;
  offsets: number[];
  done: Promise<void>;
  stop: () => void;
}

function read(links: Links, more: Partial<ReadLog> = {}): Reading {
  const gone = new AbortController();
  let data = Buffer.alloc(0);
  const offsets: number[] = [];
  const run = async (): Promise<void> => {
    for await (const part of links.readLog('cluster', question(more), gone.signal)) {
      offsets.push(part.offset);
      data = Buffer.concat([data, part.data]);
    }
  };
  return { text: () => data.toString(), offsets, done: run(), stop: () => gone.abort() };
}

async function setUp(): Promise<{ links: Links; far: FarEnd }> {
  const links = createAllowed();
  const far = connect(links);
  await settled();
  return { links, far };
}

test('a log is read through the link', async () => {
  const { links, far } = await setUp();
  far.log = Buffer.from('hello world');
  const whole = read(links);
  const rest = read(links, { offset: 6n });
  const tail = read(links, { offset: -3n });
  await Promise.all([whole.done, rest.done, tail.done]);
  assert.deepEqual([whole.text(), rest.text(), tail.text()], ['hello world', 'world', 'rld']);
  assert.deepEqual([whole.offsets, rest.offsets, tail.offsets], [[0], [6], [8]]);
  assert.deepEqual(far.cancelled, []);
});

test('a log is followed to the end of the run', async () => {
  const { links, far } = await setUp();
  const reading = read(links, { follow: true });
  await settled();
  far.write('one ');
  await settled();
  assert.equal(reading.text(), 'one ');
  far.write('two');
  far.end();
  await reading.done;
  assert.equal(reading.text(), 'one two');
});

test('a long log is asked for piece by piece, from either end', async () => {
  const { links, far } = await setUp();
  far.log = Buffer.alloc(2 * MAX_ANSWER_BYTES + 5, 'abcdefg');
  const whole = read(links);
  await whole.done;
  assert.equal(whole.text(), far.log.toString());
  assert.deepEqual(
    far.questions.map(({ offset, limit }) => [Number(offset), Number(limit)]),
    [0, 1, 2].map((piece) => [piece * MAX_ANSWER_BYTES, MAX_ANSWER_BYTES]),
  );
  const tail = read(links, { offset: BigInt(-MAX_ANSWER_BYTES - 1) });
  await tail.done;
  assert.equal(tail.text(), far.log.toString().slice(-MAX_ANSWER_BYTES - 1));
});

test('a reader that takes nothing holds up nobody, and no more than a piece is sent to it', async () => {
  const { links, far } = await setUp();
  far.log = Buffer.alloc(5 * MAX_ANSWER_BYTES, 'x');
  const slow = links.readLog('cluster', question(), never)[Symbol.asyncIterator]();
  await slow.next();
  const quick = read(links);
  await quick.done;
  assert.equal(quick.text().length, far.log.length);
  const ofSlow = far.questions.filter(({ question: number }) => number === 1);
  assert.equal(ofSlow.length, 1);
  await slow.return?.();
});

test('who stops reading cancels the question', async () => {
  const { links, far } = await setUp();
  far.log = Buffer.from('some');
  const reading = read(links, { follow: true });
  await settled();
  reading.stop();
  await reading.done;
  assert.equal(reading.text(), 'some');
  assert.deepEqual(far.cancelled, [1]);

  const left = links.readLog('cluster', question({ follow: true }), never)[Symbol.asyncIterator]();
  await left.next();
  await left.return?.();
  assert.deepEqual(far.cancelled, [1, 2]);
});

test('who has left already asks nothing', async () => {
  const { links, far } = await setUp();
  const parts = links.readLog('cluster', question({ follow: true }), AbortSignal.abort());
  for await (const part of parts) assert.fail(`got ${part.offset}`);
  assert.deepEqual(far.questions, []);
});

test('an executor that says why there is no log is quoted', async () => {
  const { links } = await setUp();
  await assert.rejects(read(links, { container: 'none' }).done, {
    code: 'LOG_NOT_FOUND',
    message: 'no such container',
  });
});

test('an executor that is not there, or leaves while it answers, makes the log unavailable', async () => {
  const links = createAllowed();
  await assert.rejects(read(links).done, { code: 'UNAVAILABLE', retryAfterMs: 1000 });
  const far = connect(links);
  await settled();
  const reading = read(links, { follow: true });
  const ended = assert.rejects(reading.done, { code: 'UNAVAILABLE' });
  await settled();
  far.write('some');
  await settled();
  far.breakLink();
  await far.done;
  await ended;
  assert.equal(reading.text(), 'some', 'what came before is not lost');
  await assert.rejects(read(links).done, { code: 'UNAVAILABLE' });
});

test('the newest link of an executor is asked, and an older one that ends takes nothing along', async () => {
  const { links, far: old } = await setUp();
  const far = connect(links);
  await settled();
  far.log = Buffer.from('new');
  old.breakLink();
  await old.done;
  const reading = read(links);
  await reading.done;
  assert.equal(reading.text(), 'new');
});

test('an executor that sends more than it was asked for is not believed', async () => {
  const links = createAllowed();
  const data = Buffer.alloc(64 * 1024);
  const requests = async function* (): AsyncGenerator<LinkRequest> {
    yield { message: { $case: 'hello', value: { executorId: 'cluster' } } };
    await asked;
    for (let offset = 0n; offset < 3 * MAX_ANSWER_BYTES; offset += 65536n) {
      yield { message: { $case: 'logChunk', value: { question: 1, data, offset, end: false, error: '' } } };
    }
  };
  let ask = (): void => {};
  const asked = new Promise<void>((resolve) => (ask = resolve));
  const served = links.serve(executor, requests(), async () => ask());
  await settled();
  const parts = links.readLog('cluster', question(), never)[Symbol.asyncIterator]();
  await parts.next();
  await served;
  await assert.rejects(
    async () => {
      while (!(await parts.next()).done);
    },
    { code: 'UNAVAILABLE' },
  );
});

test('only who may execute jobs opens a link', async () => {
  const links = createLinks(createAuthorizer({ permissionGroupMapping: {}, permissionScopeMapping: {} }));
  await assert.rejects(connect(links).done, { code: 'PERMISSION_DENIED' });
});

test('whoever may not be the executor gets no question about it', async () => {
  const executors = [{ users: [executor.name], groups: [], executors: ['mine'] }];
  const links = createLinks(createAuthorizer({ permissionScopeMapping: {}, ...standaloneAuth, executors }));
  await assert.rejects(connect(links, 'theirs').done, { code: 'PERMISSION_DENIED' });
  assert.ok(!links.has('theirs'));
  const mine = connect(links, 'mine');
  await settled();
  assert.ok(links.has('mine'));
  mine.breakLink();
});
