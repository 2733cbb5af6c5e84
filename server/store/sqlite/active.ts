/**
 * What a new leader reads: every live job, in pages, as fast as can be, for
 * until it is done nothing is scheduled. So the names that a million rows refer
 * to are looked up once for a page, not joined to every row.
 */
import { createFieldCursor, mustReadField } from '@armada-ts/api/encoded/fields';
import { JobRecord, Operation, SchedulingClass } from '@armada-ts/api/armada/store/v1/store';
import type { DatabaseSync } from 'node:sqlite';
import { jobIdOf, jobKey } from '../../model/job-key.ts';
import { messageField } from '../../model/splice.ts';
import { type JobToPack, packJobs } from '../packed-jobs.ts';
import type { ActivePage } from '../store.ts';
import { query, queryArrays } from './schema.ts';

/** Jobs of one page: about 5 ms. */
const PAGE_JOBS = 1000;

/** Pages of live jobs by job set and id, each with the classes it uses; operations come with the first. */
export function prepareActive(db: DatabaseSync): (cursor: string) => ActivePage {
  const page = queryArrays<[Uint8Array, number, number, number, string | null, Uint8Array, number | null]>(
    db,
    `SELECT id, stream, version, submitted, uri, record, class FROM job INDEXED BY job_live
     WHERE ended_ms IS NULL AND (stream, id) > (?, ?) ORDER BY stream, id LIMIT ?`,
  );
  const names = query<{ jobSet: string; queue: string }>(
    db,
    'SELECT s.name AS jobSet, q.name AS queue FROM job_set s JOIN queue q ON q.n = s.queue WHERE s.n = ?',
  );
  const schedulingClass = query<{ id: string; bytes: Uint8Array }>(
    db,
    'SELECT id, bytes FROM class WHERE n = ?',
  );
  const operations = query<{ bytes: Uint8Array }>(db, 'SELECT bytes FROM operation ORDER BY id');
  return (cursor) => {
    const [afterStream = '0', afterId = ''] = cursor.split(':');
    const rows = page.all(Number(afterStream), jobKey(afterId) ?? new Uint8Array(), PAGE_JOBS);
    const namesOf = remembered((n: number) => names.get(n));
    const classOf = remembered((n: number) => schedulingClass.get(n));
    const commons = createCommons();
    const jobs = rows.map(([key, stream, version, submitted, uri, record, n]): JobToPack => {
      const { shared, own } = partsOf(record, uri);
      const common = commons.of(`${stream}/${n}/${shared.toString('latin1')}`, () => ({
        ...JobRecord.decode(shared),
        ...(namesOf(stream) ?? { jobSet: '', queue: '' }),
        schedulingClass: n === null ? '' : (classOf(n)?.id ?? ''),
      }));
      return { key, version, submitted, common, own };
    });
    const last = rows.length === PAGE_JOBS ? rows.at(-1) : undefined;
    return {
      jobs: packJobs(commons.list, jobs),
      classes: [...classOf.known.values()].flatMap((row) => (row ? [SchedulingClass.decode(row.bytes)] : [])),
      operations: cursor === '' ? operations.all().map(({ bytes }) => Operation.decode(bytes)) : [],
      next: last && `${last[1]}:${jobIdOf(last[0])}`,
    };
  };
}

/** Numbers of fields of JobRecord: the last of those that say whose a job is, with which its bytes begin, and one that has a column. */
const NAMESPACE = 6;
const EXTERNAL_JOB_URI = 18;

/** The bytes of a record that other jobs of the same people share, and the rest. */
function partsOf(record: Uint8Array, uri: string | null): { shared: Buffer; own: Uint8Array } {
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
  const cursor = createFieldCursor(bytes);
  let at = 0;
  while (mustReadField(cursor) && cursor.number <= NAMESPACE) at = cursor.at;
  const rest = bytes.subarray(at);
  const own = uri === null ? rest : Buffer.concat([rest, messageField(EXTERNAL_JOB_URI, Buffer.from(uri))]);
  return { shared: bytes.subarray(0, at), own };
}

/** What jobs of a page have in common, made once for each key. */
function createCommons(): { list: JobRecord[]; of: (key: string, make: () => JobRecord) => number } {
  const list: JobRecord[] = [];
  const byKey = new Map<string, number>();
  return {
    list,
    of(key, make) {
      let index = byKey.get(key);
      if (index === undefined) {
        index = list.push(make()) - 1;
        byKey.set(key, index);
      }
      return index;
    },
  };
}

/** Asks once for each number. */
function remembered<Row>(ask: (n: number) => Row): ((n: number) => Row) & { known: Map<number, Row> } {
  const known = new Map<number, Row>();
  const find = (n: number): Row => {
    const found = known.get(n);
    if (found !== undefined) return found;
    const row = ask(n);
    known.set(n, row);
    return row;
  };
  return Object.assign(find, { known });
}
