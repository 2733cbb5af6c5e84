import { oneLine } from './one-line.ts';
import type { Paint } from './paint.ts';
import type { Column } from './view.ts';

export interface TableLook {
  headers: boolean;
  paint: Paint;
  /** Columns of the terminal; undefined where nothing limits a line. */
  width: number | undefined;
}

const GAP = '  ';
/** An elastic column is cut no further, so that something can still be read in it. */
const MIN_ELASTIC_WIDTH = 8;

/** A line for the titles and one for each row, in columns. */
export function* tableLines<Row>(
  all: readonly Column<Row>[],
  rows: readonly Row[],
  look: TableLook,
): Generator<string> {
  const columns = withRoom(all, rows, look);
  const cells = rows.map((row) => columns.map(({ cell }) => oneLine(cell(row))));
  const widths = fit(columns, naturalWidths(columns, cells, look), look.width);
  if (look.headers)
    yield line(
      columns.map(({ title }) => title),
      widths,
      (text) => look.paint(text, 'bold'),
    );
  for (const [place, texts] of cells.entries()) {
    const row = rows[place];
    yield line(texts, widths, (text, column) => {
      const colour = row === undefined ? undefined : columns[column]?.colour?.(row);
      return look.paint(text, colour);
    });
  }
}

function naturalWidths<Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly string[])[],
  { headers }: TableLook,
): number[] {
  return columns.map(({ title }, column) =>
    cells.reduce((width, texts) => Math.max(width, texts[column]?.length ?? 0), headers ? title.length : 0),
  );
}

/** The columns that fit when the elastic ones are cut as far as may be. */
function withRoom<Row>(
  all: readonly Column<Row>[],
  rows: readonly Row[],
  look: TableLook,
): readonly Column<Row>[] {
  const { width: limit } = look;
  if (limit === undefined) return all;
  const cells = rows.map((row) => all.map(({ cell }) => oneLine(cell(row))));
  const natural = naturalWidths(all, cells, look);
  const widthOf = (column: Column<Row>) => {
    const width = natural[all.indexOf(column)] ?? 0;
    return column.isElastic ? Math.min(width, MIN_ELASTIC_WIDTH) : width;
  };
  let columns = all;
  for (;;) {
    const needed = columns.reduce((sum, column) => sum + widthOf(column) + GAP.length, -GAP.length);
    const [first] = columns
      .filter(({ dropRank }) => dropRank !== undefined)
      .sort((one, other) => (one.dropRank ?? 0) - (other.dropRank ?? 0));
    if (needed <= limit || !first) return columns;
    columns = columns.filter((column) => column !== first);
  }
}

/** Takes from the widest elastic column, a little at a time, until the line fits or nothing is left to take. */
function fit<Row>(
  columns: readonly Column<Row>[],
  natural: readonly number[],
  limit: number | undefined,
): number[] {
  const widths = [...natural];
  if (limit === undefined) return widths;
  let excess = widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)) - limit;
  while (excess > 0) {
    const widest = columns.reduce<number | undefined>((best, { isElastic }, column) => {
      const width = widths[column] ?? 0;
      if (!isElastic || width <= MIN_ELASTIC_WIDTH) return best;
      return best === undefined || width > (widths[best] ?? 0) ? column : best;
    }, undefined);
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}

function line(
  texts: readonly string[],
  widths: readonly number[],
  paint: (text: string, column: number) => string,
): string {
  return texts
    .map((text, column) => {
      const width = widths[column] ?? 0;
      const shown = text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text;
      return paint(shown, column) + (column === texts.length - 1 ? '' : ' '.repeat(width - shown.length));
    })
    .join(GAP)
    .trimEnd();
}
