import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coloured, plain } from './paint.ts';
import { tableLines } from './table.ts';
import type { Column } from './view.ts';

interface Row {
  id: string;
  state: string;
  place: string;
  reason: string;
}

const columns: Column<Row>[] = [
  { title: 'ID', cell: ({ id }) => id },
  {
    title: 'STATE',
    cell: ({ state }) => state,
    colour: ({ state }) => (state === 'failed' ? 'red' : undefined),
  },
  { title: 'PLACE', cell: ({ place }) => place, dropRank: 1 },
  { title: 'REASON', cell: ({ reason }) => reason, isElastic: true },
];
const rows: Row[] = [
  { id: 'a1', state: 'failed', place: 'node-1', reason: 'it broke\nin the middle of the night' },
  { id: 'b22', state: 'queued', place: '-', reason: '' },
];

test('tableLines() puts cells in columns, on one line each', () => {
  assert.deepEqual(
    [...tableLines(columns, rows, { headers: true, paint: plain, width: undefined })],
    [
      'ID   STATE   PLACE   REASON',
      'a1   failed  node-1  it broke in the middle of the night',
      'b22  queued  -',
    ],
  );
  const [first] = tableLines(columns, rows, { headers: false, paint: plain, width: undefined });
  assert.match(first ?? '', /^a1 {3}failed/);
});

test('tableLines() cuts elastic columns to the terminal, and then leaves out what may go', () => {
  const narrow = [...tableLines(columns, rows, { headers: true, paint: plain, width: 33 })];
  assert.equal(narrow[1], 'a1   failed  node-1  it broke in…');
  assert.ok(narrow.every((line) => line.length <= 33));
  const narrower = [...tableLines(columns, rows, { headers: true, paint: plain, width: 24 })];
  assert.deepEqual(narrower, ['ID   STATE   REASON', 'a1   failed  it broke i…', 'b22  queued']);
});

test('tableLines() colours cells without moving the columns', () => {
  const [, line] = tableLines(columns, rows, { headers: true, paint: coloured, width: undefined });
  assert.ok(line?.startsWith(`a1   ${coloured('failed', 'red')}  node-1`), line);
});
