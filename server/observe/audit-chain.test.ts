import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { silentLogger } from '../base/logger.ts';
import { checkAuditChain } from './audit-chain.ts';
import { digestOf, openAuditFile } from './audit-file.ts';

const directory = await mkdtemp(join(tmpdir(), 'armada-audit-chain-'));
after(() => rm(directory, { recursive: true, force: true }));

/** As the server writes them, with a crash in the midst. */
const written = await linesWritten();

async function linesWritten(): Promise<string[]> {
  const path = join(directory, 'audit.jsonl');
  for (const start of [0, 10]) {
    await using file = await openAuditFile(path, silentLogger);
    for (let i = start; i < start + 10; i++) file.append({ time: `t${i}`, event: 'call', n: i });
    if (start > 0) file.append({ event: 'lost', lines: 3 });
    await file[Symbol.asyncDispose]();
    if (start === 0) await appendFile(path, '{"time":"t9');
  }
  return (await readFile(path, 'utf8')).trimEnd().split('\n');
}

/** Which of them the crash has torn: no file begins with it. */
const TORN = 10;

async function check(files: readonly (readonly string[])[], follows?: string) {
  const faults: string[] = [];
  const sources = files.map((lines, i) => ({ name: `f${i}`, lines: eachOf(lines) }));
  const report = await checkAuditChain(sources, { after: follows, report: (fault) => faults.push(fault) });
  return { faults, report };
}

async function* eachOf(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

test('checkAuditChain() finds nothing in what was written, over files, restarts and crashes', async () => {
  const { faults, report } = await check([written]);
  assert.deepEqual(faults, []);
  const last = digestOf(written.at(-1) ?? '');
  assert.deepEqual(report, { lines: 22, from: 't0', to: 't19', torn: 1, lost: 3, last });
  for (let cut = 0; cut <= written.length; cut++) {
    const files = [written.slice(0, cut), written.slice(cut)];
    assert.deepEqual((await check(files, '')).faults, []);
    const { last } = (await check(files.slice(0, 1))).report;
    if (cut !== TORN) assert.deepEqual((await check(files.slice(1), last)).faults, []);
  }
});

test('checkAuditChain() notices whatever was done to a line, but at the end only when it is told what followed', async () => {
  const place = fc.nat({ max: written.length - 2 });
  await fc.assert(
    fc.asyncProperty(place, place, fc.string(), async (at, other, text) => {
      const removed = written.toSpliced(at, 1);
      const inserted = written.toSpliced(at + 1, 0, JSON.stringify({ previous: text }));
      const copied = written.toSpliced(at + 1, 0, written[other] ?? '');
      const changed = written.with(at, (written[at] ?? '').replace('t', 'T'));
      const swapped = written.with(at, written[other] ?? '').with(other, written[at] ?? '');
      for (const lines of [removed, inserted, copied, changed, ...(at === other ? [] : [swapped])])
        assert.notEqual((await check([lines], '')).faults.length, 0, lines.join('\n'));
    }),
    { numRuns: 100 },
  );
  const { faults } = await check([written.slice(5)], digestOf('another'));
  assert.deepEqual(faults, [`f0:1 does not follow the line ${digestOf('another')}`]);
  assert.match((await check([['{}']])).faults[0] ?? '', /^f0:1 is no line of an audit log/);
});

test('checkAuditChain() takes nothing but beginnings of records for torn, and any number of these', async () => {
  assert.deepEqual((await check([['rubbish', '', ...written]])).faults, [
    'f0:1 is no line of an audit log',
    'f0:2 is no line of an audit log',
    'f0:3 does not follow the line before it',
  ]);
  const torn = Array.from({ length: 10_000 }, () => '{"time":"t9'.padEnd(400));
  const beganMicros = process.cpuUsage().user;
  assert.equal((await check([[...written, ...torn]])).report.torn, 1 + torn.length);
  assert.ok(process.cpuUsage().user - beganMicros < 5_000_000, 'each line is looked at once');
});
