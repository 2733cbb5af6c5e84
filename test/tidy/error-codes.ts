/** That the codes of refusals, their gRPC statuses and their documentation say the same. */
import type { Rule, Tree } from './rule.ts';
import { type Finding, isCode, isTest, lineAt, viewsOf } from './source.ts';

const UNION = 'server/base/errors.ts';
const TABLE = 'server/door/errors.ts';
const DOCS = 'docs/errors.md';

/** A code as one of the three places has it. */
interface Entry {
  line: number;
  /** The gRPC status, where the place names one. */
  status: string | undefined;
}

/** Codes by name: the members of the union, the rows of the table, the rows of the page. */
function entriesOf(tree: Tree, path: string, pattern: RegExp): Map<string, Entry> {
  const file = tree.get(path);
  const text = file && isCode(path) ? viewsOf(file).code : (file?.text ?? '');
  return new Map(
    [...text.matchAll(pattern)].map((match) => [
      match[1] ?? '',
      { line: lineAt(text, match.index), status: match[2] },
    ]),
  );
}

/** Codes that some part of the server throws. */
function thrownCodes(tree: Tree): Set<string> {
  const codes = new Set<string>();
  for (const file of tree.values()) {
    if (!file.path.startsWith('server/') || !isCode(file.path) || isTest(file.path) || file.path === UNION)
      continue;
    for (const { text } of viewsOf(file).strings) codes.add(text);
  }
  return codes;
}

function compare(tree: Tree): Finding[] {
  const union = entriesOf(tree, UNION, /(?<=^\s+\|\s+)'([A-Z_]+)'/gm);
  const table = entriesOf(tree, TABLE, /(?<=^\s+)([A-Z_]+): status\.([A-Z_]+)/gm);
  const docs = entriesOf(tree, DOCS, /^\| `([A-Z_]+)` \| `([A-Z_]+)` \|/gm);
  const thrown = thrownCodes(tree);
  const missing = (
    of: Map<string, Entry>,
    from: string,
    where: string,
    present: { has(code: string): boolean },
  ) =>
    [...of]
      .filter(([code]) => !present.has(code))
      .map(([code, { line }]) => ({ path: from, line, message: `${code} is missing in ${where}` }));
  return [
    ...missing(union, UNION, TABLE, table),
    ...missing(union, UNION, DOCS, docs),
    ...missing(union, UNION, 'all that is thrown', thrown),
    ...missing(table, TABLE, UNION, union),
    ...missing(docs, DOCS, UNION, union),
    ...[...docs]
      .filter(([code, { status }]) => table.has(code) && table.get(code)?.status !== status)
      .map(([code, { line }]) => ({
        path: DOCS,
        line,
        message: `${code} travels as ${table.get(code)?.status}`,
      })),
  ];
}

function planted(
  codes: readonly string[],
  rows: readonly string[],
  page: readonly string[],
): Record<string, string> {
  return {
    [UNION]: `export type ErrorCode =\n${codes.map((code) => `  | '${code}'`).join('\n')};`,
    [TABLE]: `const CODES = {\n${rows.map((row) => `  ${row},`).join('\n')}\n};`,
    [DOCS]: page.join('\n'),
    'server/submit/validate.ts': "throw new ArmadaError('GONE', 'a');\nthrow new ArmadaError('LATE', 'b');",
  };
}

const GONE = 'GONE: status.NOT_FOUND';
const LATE = 'LATE: status.ABORTED';
const GONE_ROW = '| `GONE` | `NOT_FOUND` | It went. | Let it go. |';
const LATE_ROW = '| `LATE` | `ABORTED` | Too late. | Hurry. |';

/** The three places with one of them wrong; the fault is reported in `path`. */
function fault(path: string, line: number, files: Record<string, string>): Rule['faults'][number] {
  const { [path]: text = '', ...beside } = files;
  return { path, text, line, beside };
}

const inStep: Rule = {
  title: 'every error code has a gRPC status, a row in the docs, and a place that throws it',
  covers: (path) => [UNION, TABLE, DOCS].includes(path),
  check: (_, tree) => compare(tree),
  faults: [
    fault(UNION, 3, planted(['GONE', 'LATE'], [GONE], [GONE_ROW, LATE_ROW])),
    fault(UNION, 3, planted(['GONE', 'LATE'], [GONE, LATE], [GONE_ROW])),
    fault(UNION, 2, planted(['NEVER'], ['NEVER: status.ABORTED'], ['| `NEVER` | `ABORTED` | | |'])),
    fault(TABLE, 3, planted(['GONE'], [GONE, LATE], [GONE_ROW])),
    fault(DOCS, 2, planted(['GONE'], [GONE], [GONE_ROW, LATE_ROW])),
    fault(DOCS, 1, planted(['GONE'], [GONE], ['| `GONE` | `ABORTED` | It went. | Let it go. |'])),
  ],
  innocent: [fault(UNION, 1, planted(['GONE', 'LATE'], [LATE, GONE], ['Codes:', GONE_ROW, LATE_ROW]))],
};

export const errorCodeRules: readonly Rule[] = [inStep];
