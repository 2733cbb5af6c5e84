// Whatever callers write into names, messages and headers stays a value: each line of the log and of the audit log
// is one JSON object that the server made.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { SubmitService } from '@armada-ts/api/api/submit';
import { type AnyMethod, call } from './calls.ts';
import { temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';
import { authSettings, credentialsOf, OPERATOR, queueOf, TOKEN_SETTINGS } from './users.ts';

const FORGED = '{"level":30,"event":"call","who":"forged","msg":"call","code":"OK"}';
const BREAKS = [
  '\n',
  '\r\n',
  '\r',
  '\u0085',
  '\u2028',
  '\u2029',
  '\u000b',
  '\u0000',
  '\u001b[2K\u001b[1A',
  '\\n',
  '"}\n',
];
const TEXTS = [
  ...BREAKS.map((each) => `ann${each}${FORGED}${each}`),
  '","who":"forged","x":"',
  '\u202egnp.',
  '\ud800',
  '__proto__',
  'constructor',
  '%s %d %o %j %%',
  `${'x'.repeat(3000)}\n${FORGED}`,
];

/** As headers can carry it: what they cannot, nobody can send. */
function inHeader(text: string): string {
  return text.replaceAll(/[^\t\u0020-\u007e\u0080-\u00ff]/g, ' ');
}

test('no text of a caller becomes a line, or part of one that is not a value', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'audit.jsonl');
  const server = await startServer(directory, {
    auth: { ...authSettings([OPERATOR]), schemes: ['basic', 'token'], token: TOKEN_SETTINGS },
    audit: { file: path, calls: 'all' },
    trustedProxies: ['127.0.0.1'],
    logLevel: 'debug',
  });
  const client = new Client(server.address, credentials.createInsecure());
  t.after(async () => {
    client.close();
    await server.kill('SIGKILL');
  });
  const right = String(credentialsOf(OPERATOR.name).get('authorization')[0]);
  const ask = (target: string, headers: Record<string, string>, body?: object): Promise<void> =>
    new Promise((resolve) => {
      const sent = httpRequest(server.url + target, {
        method: body ? 'POST' : 'GET',
        headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      });
      sent.on('response', (answer) => answer.on('end', resolve).resume()).on('error', () => resolve());
      sent.end(body && JSON.stringify(body));
    });
  // The last of those that are for people.
  await server.line(/operator port/);
  const startLines = server.lines.length;
  for (const text of TEXTS) {
    const authorization = `Basic ${Buffer.from(`${text.replaceAll(':', ';')}:wrong`).toString('base64')}`;
    const header = inHeader(text);
    const said = {
      'x-request-id': header,
      'x-forwarded-for': header,
      'user-agent': header,
      traceparent: header,
    };
    const all = { ...said, 'armada-client-version': header, origin: header, authorization: right };
    const queue = queueOf(text);
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(all)) metadata.set(name, value.replaceAll(/[^ -~]/g, '?'));
    const name = encodeURIComponent(text.toWellFormed());
    await Promise.all([
      ask('/v1/batched/queues', { authorization }),
      ask('/v1/batched/queues', { authorization: header }),
      ask('/v1/batched/queues', { ...said, authorization: right }),
      ask(`/v1/queue/${name}`, { authorization: right }),
      ask(`/${name}`, { authorization: right }),
      ask('/v1/batched/queues', all),
      ask('/v1/queue', { authorization: right }, { name: text, priorityFactor: 1 }),
      ask('/v1/keys', { authorization: right }, { description: text }),
      ask('/v1/key/token', {}, { accessKey: text, secret: text }),
      ask(
        '/v1/job/cancel',
        { authorization: right },
        { queue: text, jobSetId: text, jobIds: [text], reason: text },
      ),
      call(client, SubmitService.createQueue as AnyMethod, queue, credentialsOf(OPERATOR.name)),
      call(client, SubmitService.getQueue as AnyMethod, { name: text.toWellFormed() }, metadata),
    ]);
  }
  // The last lines are written moments after the calls.
  await sleep(500);
  const logged = server.lines.slice(startLines);
  const audited = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
  assert.ok(logged.length > TEXTS.length * 8, `${logged.length} lines of log`);
  assert.ok(audited.length > TEXTS.length * 8, `${audited.length} lines of audit`);
  for (const line of [...logged, ...audited]) {
    const record = JSON.parse(line) as Record<string, unknown>;
    assert.equal(Object.getPrototypeOf(record), Object.prototype);
    assert.notEqual(record['who'], 'forged', line);
    assert.notEqual(record['principal'], 'forged', line);
    assert.ok('time' in record, `made by the server: ${line}`);
  }
  // Nor does any line do something to the terminal of who reads it, or change the order in which it is read.
  for (const line of [...logged, ...audited]) assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
});
