import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Queue, type QueueGetRequest, QueueServiceService } from '@armada-ts/api/api/queue';
import { unary } from '../../door/method.ts';
import { frame } from '../../base/framing.ts';
import { openPort } from '../testing/ports.ts';

const PATH = QueueServiceService.getQueue.path;

const SOUND = '{"name":"a","whatever":{"b":1}}';
const UNSOUND: readonly [body: string, why: RegExp][] = [
  ['{"name":"a","name":"b"}', /name: the key is there twice/],
  ['{"name":"a","whatever":{"b":1,"b":2}}', /is there twice/],
  [`{"name":"a","whatever":${'['.repeat(101)}${']'.repeat(101)}}`, /nested more than 100 levels/],
  ['{"name":NaN}', /expected JSON/],
];

/** A message as each of the protocols sends it. */
const FORMS: Readonly<Record<string, (json: string) => { headers: Record<string, string>; body: Buffer }>> = {
  Connect: (json) => ({ headers: { 'content-type': 'application/json' }, body: Buffer.from(json) }),
  'Connect, packed': (json) => ({
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    body: gzipSync(json),
  }),
  'gRPC-Web': (json) => ({
    headers: { 'content-type': 'application/grpc-web+json' },
    body: frame([Buffer.from(json)]).bytes,
  }),
};

test('JSON is refused by Connect where REST refuses it, in all forms', async () => {
  const asked: string[] = [];
  const getQueue = unary('authenticated', ({ name }: QueueGetRequest) => {
    asked.push(name);
    return Queue.fromPartial({ name });
  });
  const { getQueue: definition } = QueueServiceService;
  await using port = await openPort({
    services: [{ definition: { getQueue: definition }, methods: { getQueue } }],
  });
  for (const [form, spell] of Object.entries(FORMS)) {
    const post = async (json: string): Promise<string> => {
      const answer = await fetch(`${port.url}${PATH}`, { method: 'POST', ...spell(json) });
      const text = await answer.text();
      return `${answer.status} ${answer.headers.get('grpc-message') ?? ''} ${decodeURIComponent(text)}`;
    };
    assert.match(await post(SOUND), /^200/, form);
    assert.deepEqual(asked.splice(0), ['a'], form);
    for (const [json, why] of UNSOUND) assert.match(await post(json), why, form);
    assert.deepEqual(asked, [], form);
  }
});
