/** What is left behind when work stops half-way, and ways around the type checker. */
import { eachFile, type Rule } from './rule.ts';
import { type Finding, isCode, isTest, occurrences, type SourceFile, viewsOf } from './source.ts';

function isProse(path: string): boolean {
  return /\.(?:ts|mjs|proto|md|ya?ml)$/.test(path);
}

/** Taken apart, so that this file does not hold them. */
const [TO_DO = '', FIX_ME = '', TRIPLE_X = '', SHORTCUT = '', NOT_DONE = ''] = [
  ['TO', 'DO'],
  ['FIX', 'ME'],
  ['X', 'XX'],
  ['HA', 'CK'],
  ['not impl', 'emented'],
].map((parts) => parts.join(''));

const MARKER = new RegExp(`\\b(?:${[TO_DO, FIX_ME, TRIPLE_X, SHORTCUT, NOT_DONE].join('|')})\\b`, 'g');

const markers: Rule = {
  title: 'nothing is left for later',
  covers: isProse,
  check: eachFile((file) =>
    occurrences(file, file.text, MARKER, ([marker]) => `${marker}: do it, or open an issue`),
  ),
  faults: [
    { path: 'server/app.ts', text: `\n// ${TO_DO}: drain`, line: 2 },
    { path: 'docs/architecture.md', text: FIX_ME },
    { path: 'server/app.ts', text: `throw new Error('${NOT_DONE}');` },
  ],
  innocent: [{ path: 'server/app.ts', text: "const todos = mkdtempSync('a-XXXXXX'); // hacks" }],
};

const consoleCalls: Rule = {
  title: 'libraries and servers write to a logger, not to the console',
  covers: (path) => /^(?:api|client|server|executor)\/.*\.ts$/.test(path) && !isTest(path),
  check: eachFile((file) =>
    occurrences(file, viewsOf(file).bare, /\bconsole\.\w+/g, ([call]) => `${call}: take a logger`),
  ),
  faults: [{ path: 'server/app.ts', text: "console.log('up');" }],
  innocent: [
    { path: 'server/app.ts', text: "// console.log('up')" },
    { path: 'armadactl/main.ts', text: "console.log('up');" },
  ],
};

const tests: Rule = {
  title: 'every test runs, and can fail',
  covers: (path) => isTest(path) && isCode(path),
  check: eachFile((file) =>
    occurrences(
      file,
      viewsOf(file).bare,
      /\b(?:test|it|describe|suite|t|context)\.(?:only|skip|todo)\b|[{,]\s*(?:only|skip|todo):\s*true\b|\bassert(?:\.ok|\.equal|\.strictEqual)?\((?:true|1|true,\s*true)[,)]/g,
      ([found]) => `${found}: no test is left out, alone or without effect`,
    ),
  ),
  faults: [
    { path: 'server/auth/chain.test.ts', text: "test.only('a', () => {});" },
    { path: 'test/end-to-end.test.ts', text: "it.skip('a', () => {});" },
    { path: 'test/end-to-end.test.ts', text: "test('a', { skip: true }, () => {});" },
    { path: 'test/end-to-end.test.ts', text: "describe('a', () => { assert(true); });" },
    { path: 'test/end-to-end.test.ts', text: "assert.ok(true, 'reached');" },
  ],
  innocent: [
    {
      path: 'test/end-to-end.test.ts',
      text: "test('skip: true', () => { assert.equal(list.skip(2), true); });",
    },
    {
      path: 'test/end-to-end.test.ts',
      text: 'assert.equal(1, count);\nassert.ok(isTrue);'.replace('1, count', 'count, 1'),
    },
  ],
};

/** A comment line that ends like code; in doc comments, examples are set off by more spaces. */
const CODE_LINE = /^\s*(?:\/\/\s*|\* {0,2})\S.*[;{]$/;

/** Lines that are comment alone and end like code, by number. */
function codeLinesInComments(file: SourceFile): Set<number> {
  const { bare, comments } = viewsOf(file);
  const rest = bare.split('\n');
  const lines = comments.flatMap(({ text, line }) =>
    text.split('\n').map((part, nth) => ({ part, line: line + nth })),
  );
  const dead = lines.filter(({ part, line }) => rest[line - 1]?.trim() === '' && CODE_LINE.test(part));
  return new Set(dead.map(({ line }) => line));
}

const deadCode: Rule = {
  title: 'code that is not needed is deleted, not commented out',
  covers: isCode,
  check: eachFile((file) => {
    const dead = codeLinesInComments(file);
    return [...dead]
      .filter((line) => dead.has(line + 1) && dead.has(line + 2) && !dead.has(line - 1))
      .map((line) => ({ path: file.path, line, message: 'looks like code that was commented out' }));
  }),
  faults: [
    { path: 'server/app.ts', text: 'a();\n// if (b) {\n//   c();\n//   d();\n// }', line: 2 },
    { path: 'server/app.ts', text: '/*\n * a();\n * b();\n * c();\n * d();\n */', line: 2 },
  ],
  innocent: [
    { path: 'server/app.ts', text: '// First this;\n// then that;\n// and no more.' },
    { path: 'server/app.ts', text: '/**\n * Use:\n *     a();\n *     b();\n *     c();\n */' },
    { path: 'server/app.ts', text: 'const text = `\n// a();\n// b();\n// c();\n`;' },
  ],
};

/** Directives that silence a checker, and what must stand beside them. */
function silenced(file: SourceFile): Finding[] {
  return viewsOf(file).comments.flatMap(({ text, line }) => {
    const silence =
      /@ts-(?:ignore|nocheck|expect-error)|\b(?:eslint|oxlint)-disable[\w-]*|\bbiome-ignore\b/.exec(
        text,
      )?.[0];
    if (silence === undefined) return [];
    const isReasoned = /-disable/.test(silence)
      ? / -- \S/.test(text)
      : silence.startsWith('biome-ignore') && /: \S/.test(text);
    return isReasoned ? [] : [{ path: file.path, line, message: `${silence} without a reason after it` }];
  });
}

const silence: Rule = {
  title: 'checkers are silenced only with a reason',
  covers: isCode,
  check: eachFile(silenced),
  faults: [
    { path: 'server/app.ts', text: '// @ts-ignore\na();' },
    { path: 'server/app.ts', text: 'a(); // @ts-expect-error: it is fine' },
    { path: 'server/app.ts', text: '// oxlint-disable-next-line no-console\na();' },
  ],
  innocent: [
    {
      path: 'server/app.ts',
      text: '// oxlint-disable-next-line no-control-regex -- names may hold none\na();',
    },
    { path: 'server/app.ts', text: "const hint = '@ts-ignore';" },
  ],
};

const types: Rule = {
  title: 'types are not got around with any, nor outside tests with !',
  covers: (path) => path.endsWith('.ts'),
  check: eachFile((file) => {
    const { bare } = viewsOf(file);
    const found = occurrences(
      file,
      bare,
      /(?::|\bas|<|,|\||=>)\s*any\b(?!\s*[:(])|\bany\[\]/g,
      'say what it is, or unknown',
    );
    if (isTest(file.path)) return found;
    return [
      ...found,
      ...occurrences(file, bare, /[\w)\]]!(?!=)/g, 'check it, or keep it where it cannot be undefined'),
    ];
  }),
  faults: [
    { path: 'server/app.ts', text: 'function a(b: any) {}' },
    { path: 'server/app.test.ts', text: 'const a = b as any;' },
    { path: 'server/app.ts', text: 'const a: Map<string, any> = b;' },
    { path: 'server/app.ts', text: 'const a = list[0]!.name;' },
    { path: 'server/app.ts', text: 'const a = find(b)!;' },
  ],
  innocent: [
    { path: 'server/app.ts', text: 'if (a !== b && !c && d!=e) f(`any: any ${g}!`); // as any, h!.i' },
    { path: 'server/app.ts', text: 'const { any } = Promise;\nif (/a!.b/.test(company)) return !any(c);' },
    { path: 'server/app.test.ts', text: 'const a = list[0]!.name;' },
  ],
};

export const leftoverRules: readonly Rule[] = [markers, consoleCalls, tests, deadCode, silence, types];
