/** Whether the lines of audit files are as they were written: none changed, taken out or put in between. */
import { createHash } from 'node:crypto';
import { isRecord } from './audit-file.ts';

/** Lines of one file, without their ends. */
export interface AuditSource {
  name: string;
  lines: AsyncIterable<string>;
}

export interface ChainReport {
  lines: number;
  /** Times of the first and the last record; undefined where there is none. */
  from: string | undefined;
  to: string | undefined;
  /** Beginnings of records, as a crash leaves them. */
  torn: number;
  /** Records that there was no room for when they were to be written, which the log itself tells. */
  lost: number;
  /** SHA-256 that the next line is to name. */
  last: string | undefined;
}

export interface ChainOptions {
  /** SHA-256 of the line that the first is to follow; any when undefined. */
  after: string | undefined;
  report: (fault: string) => void;
}

/** What is looked at of a record. */
interface AuditLine {
  time?: unknown;
  event?: unknown;
  lines?: unknown;
  previous?: unknown;
}

/** Checks files in the order in which they were written. That a line was changed shows at the one after it. */
export async function checkAuditChain(
  sources: readonly AuditSource[],
  { after, report }: ChainOptions,
): Promise<ChainReport> {
  const seen: ChainReport = { lines: 0, from: undefined, to: undefined, torn: 0, lost: 0, last: after };
  // Goes on through torn lines, as the next record is linked to all of them.
  let linked = createHash('sha256');
  for (const { name, lines } of sources) {
    let number = 0;
    for await (const line of lines) {
      number++;
      const record: AuditLine | undefined = isRecord(line) ? JSON.parse(line) : undefined;
      const fault = record ? linkFault(record, seen) : tearFault(line);
      if (fault !== undefined) report(`${name}:${number} ${fault}`);
      note(seen, record, fault);
      linked = record ? createHash('sha256').update(line) : linked.update(`\n${line}`);
      seen.last = linked.copy().digest('hex');
    }
  }
  return seen;
}

function linkFault({ previous }: AuditLine, { lines, last }: ChainReport): string | undefined {
  if (typeof previous !== 'string') return 'is no line of an audit log: it names no line before it';
  if (last === undefined || previous === last) return undefined;
  return lines === 0 ? `does not follow the line ${last}` : 'does not follow the line before it';
}

/** What is torn begins as records do; or its place was made and never written to. */
function tearFault(line: string): string | undefined {
  return /^[{\0]/.test(line) ? undefined : 'is no line of an audit log';
}

function note(seen: ChainReport, record: AuditLine | undefined, fault: string | undefined): void {
  seen.lines++;
  if (!record && fault === undefined) seen.torn++;
  if (typeof record?.time === 'string') {
    seen.from ??= record.time;
    seen.to = record.time;
  }
  if (record?.event === 'lost' && typeof record.lines === 'number') seen.lost += record.lines;
}
