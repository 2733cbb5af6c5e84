/** What names one machine or one place of work, and mentions of files that are not there. */
import { posix } from 'node:path';
import { eachFile, type Rule, type Tree } from './rule.ts';
import { type Finding, isCode, lineAt, occurrences, type SourceFile, viewsOf } from './source.ts';

/** A path written so that this file does not hold it. */
function path(...parts: string[]): string {
  return `/${parts.join('/')}`;
}

const MACHINE = /(?<![\w.$}*/-])\/(?:(?:work|root)\/|home\/\w+)|(?:\.\.|\bwork)\/shared\b/g;
const TEMPORARY = /(?<![\w.$}*/-])\/tmp\b(?:\/|$)/g;

const machines: Rule = {
  title: 'no file names a path of one machine',
  covers: (file) => file !== 'LICENSE',
  check: eachFile((file) =>
    occurrences(file, file.text, MACHINE, ([found]) => `${found} is there on one machine only`),
  ),
  faults: [
    { path: 'server/config.ts', text: `const data = '${path('work', 'data')}';` },
    { path: 'docs/operating.md', text: `\nkeys lie in ${path('home', 'jane', '.ssh')}`, line: 2 },
    { path: 'biome.json', text: `{ "root": "${path('root', 'armada')}" }` },
    { path: 'server/app.ts', text: `// see ..${path('shared', 'a.md')}` },
  ],
  innocent: [
    { path: 'server/config.ts', text: "const a = 'https://example.org/home/page';\nconst b = './root/a';" },
    { path: 'server/config.ts', text: 'const rate = jobs /work / seconds;' },
  ],
};

const temporary: Rule = {
  title: 'temporary files lie where the system says',
  covers: isCode,
  check: eachFile((file) =>
    viewsOf(file).strings.flatMap(({ text, line }) => {
      if (text.search(TEMPORARY) === -1) return [];
      return [{ path: file.path, line, message: 'use os.tmpdir()' }];
    }),
  ),
  faults: [{ path: 'test/store.test.ts', text: `const directory = '${path('tmp', 'store')}';` }],
  innocent: [
    { path: 'test/store.test.ts', text: `const directory = join(tmpdir(), 'a${path('tmp', 'b')}');` },
  ],
};

/** Taken apart, so that this file does not hold them. */
const HOST = ['registry', 'npmjs', 'org'].join('.');
const RESOLVED = 'resolved';

const registries: Rule = {
  title: 'no file names the host of a package registry',
  covers: () => true,
  check: eachFile((file) =>
    occurrences(
      file,
      file.text,
      /\bregistry\.(?:npmjs|yarnpkg|npmmirror)\.\w+|\bnpm\.pkg\.github\.com|\b(?:artifactory|verdaccio|nexus)\.[\w.]+|"resolved": "(?:https?:[^"]+)"/g,
      ([found]) => `${found}: each user has a registry of their own`,
    ),
  ),
  faults: [
    { path: 'package-lock.json', text: `{\n  "${RESOLVED}": "https://npm.example.org/yaml.tgz"\n}`, line: 2 },
    { path: '.npmrc', text: `registry=https://${HOST}/` },
  ],
  innocent: [
    { path: 'package-lock.json', text: '{ "resolved": "client", "integrity": "sha512-a" }' },
    { path: 'docs/operating.md', text: 'image: ghcr.io/example/armada' },
  ],
};

/** A path of two parts or more that ends like a file of ours. */
const MENTION = /(?<![\w./$*{}@:-])(?:\.{1,2}\/)*(?:[\w.-]+\/)+[\w.-]+\.(?:ts|mjs|md|proto)\b(?![\w*{])/g;

/** Whether a mention leads somewhere: from the root, from the file, or as the end of a path; folders may be left out in front. */
function leadsSomewhere(mention: string, from: string, tree: Tree): boolean {
  if (/(?:^|\/)(?:generated|dist|node_modules)\//.test(mention)) return true;
  if (tree.has(mention) || tree.has(posix.join(posix.dirname(from), mention))) return true;
  const end = `/${mention.replace(/^(?:\.{1,2}\/)+/, '')}`;
  return [...tree.keys()].some((path) => path.endsWith(end));
}

function deadMentions(file: SourceFile, tree: Tree): Finding[] {
  const texts = isCode(file.path) ? viewsOf(file).comments : [{ text: file.text, line: 1 }];
  return texts.flatMap(({ text, line }) =>
    [...text.matchAll(MENTION)]
      .filter(([mention]) => !leadsSomewhere(mention, file.path, tree))
      .map((match) => ({
        path: file.path,
        line: line + lineAt(text, match.index) - 1,
        message: `${match[0]} is not there`,
      })),
  );
}

const mentions: Rule = {
  title: 'comments and docs name only files that are there',
  covers: (file) => isCode(file) || file.endsWith('.md'),
  check: eachFile(deadMentions),
  faults: [
    { path: 'server/base/errors.ts', text: '/**\n * One row in docs/gone.md.\n */', line: 2 },
    { path: 'docs/operating.md', text: 'See [the store](../server/store/gone.ts).' },
  ],
  innocent: [
    { path: 'server/base/errors.ts', text: '// See model/ids.ts.', beside: { 'server/model/ids.ts': '' } },
    {
      path: 'docs/operating.md',
      text: '[store](../server/store/store.ts)',
      beside: { 'server/store/store.ts': '' },
    },
    {
      path: 'server/base/errors.ts',
      text: "const name = 'docs/gone.md'; // https://example.org/docs/gone.md",
    },
  ],
};

export const placeRules: readonly Rule[] = [machines, temporary, registries, mentions];
