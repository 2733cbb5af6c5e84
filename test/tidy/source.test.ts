import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importsOf } from './imports.ts';
import { viewsOf } from './source.ts';

function scan(text: string) {
  return viewsOf({ path: 'a.ts', text });
}

/** The bare view with runs of blanks as one. */
function bare(text: string): string {
  return scan(text).bare.replaceAll(/ +/g, ' ');
}

test('viewsOf() blanks comments and what strings hold, and moves nothing', () => {
  const text = "const a = 'b'; // c\n/* d\ne */ f(\"g\\\"h\", '//i');\n";
  const { code, bare } = scan(text);
  assert.equal(code, "const a = 'b';     \n    \n     f(\"g\\\"h\", '//i');\n");
  assert.equal(bare, "const a = ' ';     \n    \n     f(\"    \", '   ');\n");
});

test('viewsOf() sees the code inside templates, at any depth', () => {
  assert.equal(bare('`a ${b({ c: `d ${e} }` })} f` + g'), '` ${b({ c: ` ${e} ` })} ` + g');
  assert.equal(bare('`\\` \\${x}` + y'), '` ` + y');
});

test('viewsOf() tells regular expressions from divisions', () => {
  assert.equal(bare("a / b; c('/'); d(e) / 2; f[0] / `g`"), "a / b; c(' '); d(e) / 2; f[0] / ` `");
  assert.equal(bare(`a.match(/['"/]/); return /[/'] \\/ "/g.test(b)`), 'a.match(/ /); return / /g.test(b)');
});

test('viewsOf() lists comments and strings with their lines', () => {
  const { comments, strings } = scan("// a\nb('c');\n/* d\n */ const e = `f\n${g}h`;");
  assert.deepEqual(comments, [
    { text: '// a', line: 1 },
    { text: '/* d\n */', line: 3 },
  ]);
  assert.deepEqual(strings, [
    { text: 'c', line: 2 },
    { text: 'f\n', line: 4 },
    { text: 'h', line: 5 },
  ]);
});

test('importsOf() finds every form of import, and none in comments and strings', () => {
  const text = [
    "import a, { b } from 'c';",
    'import type {\n  D,\n  type E,\n} from "./f.ts";',
    "import * as g from 'node:h';",
    "import './i.ts';",
    "export { j } from './k.ts';",
    "export * from './l.ts';",
    "const m = await import('./n.ts');",
    "let o: import('./p.ts').Q;",
    "const q = import.meta.resolve('r/s.css');",
    "// import r from 's';",
    "const t = `import u from 'v';`;",
  ].join('\n');
  assert.deepEqual(
    importsOf({ path: 'a.ts', text }).map(({ specifier, line }) => `${specifier}:${line}`),
    [
      'c:1',
      './f.ts:2',
      'node:h:6',
      './i.ts:7',
      './k.ts:8',
      './l.ts:9',
      './n.ts:10',
      './p.ts:11',
      'r/s.css:12',
    ],
  );
});
