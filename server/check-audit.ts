/** armada-server check-audit: whether the lines of an audit log are as they were written. */
import { createReadStream } from 'node:fs';
import { parseArgs } from 'node:util';
import { ArmadaError } from './base/errors.ts';
import { type AuditSource, checkAuditChain } from './observe/audit-chain.ts';
import { shownCount } from './progress.ts';
import { runOnce } from './run.ts';

const PROGRAM = 'armada-server check-audit';
const USAGE = `usage: armada-server check-audit [--after SHA256] FILE...

Checks the audit log of one server: no line was changed, taken out or put in
between. Files are given in the order in which they were written; - is standard
input. Lines that were cut off at the end show only later, so keep the SHA-256
of the last line, which is printed, and give it to the next check.

  --after SHA256   of the line that the first is to follow; 'none' for the beginning
`;

/** Longer than any line is written, so that no file can take all memory. */
const MAX_LINE_CHARACTERS = 1024 * 1024;

await runOnce(PROGRAM, async (signal) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { after: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  if (positionals.length === 0) throw new ArmadaError('INVALID_REQUEST', 'no file is named; see --help');
  const { after } = values;
  if (after !== undefined && after !== 'none' && !/^[0-9a-f]{64}$/.test(after))
    throw new ArmadaError('INVALID_REQUEST', '--after must be the SHA-256 of a line, or none');
  let faults = 0;
  const sources = positionals.map((name) => sourceOf(name, signal));
  const { lines, from, to, torn, lost, last } = await checkAuditChain(sources, {
    after: after === 'none' ? '' : after,
    report(fault) {
      faults++;
      process.stdout.write(`${fault}\n`);
    },
  });
  const counts = [shownCount(lines, 'line'), `from ${from ?? 'never'} to ${to ?? 'never'}`];
  if (torn > 0) counts.push(`${torn} torn by a crash`);
  if (lost > 0) counts.push(`${lost} never written, as the log says`);
  process.stdout.write(`checked ${counts.join(', ')}, ${shownCount(faults, 'fault')}\n`);
  process.stdout.write(`last line: ${last || 'none'}\n`);
  if (faults > 0) throw new ArmadaError('UNAVAILABLE', 'the audit log is not as it was written');
});

function sourceOf(name: string, signal: AbortSignal): AuditSource {
  return { name, lines: linesOf(name, signal) };
}

async function* linesOf(name: string, signal: AbortSignal): AsyncGenerator<string> {
  const stream = name === '-' ? process.stdin.setEncoding('utf8') : createReadStream(name, 'utf8');
  let rest = '';
  try {
    for await (const chunk of stream) {
      signal.throwIfAborted();
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
      if (rest.length > MAX_LINE_CHARACTERS) throw new Error('a line is too long for an audit log');
    }
  } catch (error) {
    if (!(error instanceof Error) || error instanceof ArmadaError) throw error;
    throw new ArmadaError('UNAVAILABLE', `${name} cannot be read: ${error.message}`, { cause: error });
  }
  if (rest !== '') yield rest;
}
