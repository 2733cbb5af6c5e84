/**
 * What a new leader reads: every live job, in pages, as fast as can be, for
 * until it is done nothing is scheduled. So the names that a million rows refer
 * to are looked up once for a page, not joined to every row.
 */
import { Operation, SchedulingClass } from '@armada-ts/api/armada/store/v1/store';
import type { DatabaseSync } from 'node:sqlite';
import type { ActivePage } from '../store.ts';
import { jobIdOf, jobKey } from '../../model/job-key.ts';
import { storedJobOf } from './records.ts';
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
    const jobs = rows.map(([id, stream, version, submitted, uri, record, n]) => {
      const { jobSet = '', queue = '' } = namesOf(stream) ?? {};
      const classId = n === null ? null : (classOf(n)?.id ?? null);
      return storedJobOf({ id, stream, version, submitted, uri, record, jobSet, queue, class: classId });
    });
    const last = rows.length === PAGE_JOBS ? rows.at(-1) : undefined;
    return {
      jobs,
      classes: [...classOf.known.values()].flatMap((row) => (row ? [SchedulingClass.decode(row.bytes)] : [])),
      operations: cursor === '' ? operations.all().map(({ bytes }) => Operation.decode(bytes)) : [],
      next: last && `${last[1]}:${jobIdOf(last[0])}`,
    };
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
