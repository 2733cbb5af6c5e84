/** That what is there is used, and that what decides is tested. */
import { posix } from 'node:path';
import { importersOf, type Manifest, manifestsOf } from './imports.ts';
import type { Rule, Tree } from './rule.ts';
import { isCode, isTest, type SourceFile, viewsOf } from './source.ts';

/** Files that something outside TypeScript starts: package exports and scripts, launchers in bin. */
function entryPoints(tree: Tree): Set<string> {
  const found = new Set<string>();
  for (const [folder, manifest] of manifestsOf(tree)) {
    for (const path of namedBy(manifest)) found.add(posix.join(folder, path));
  }
  for (const { path, text } of tree.values()) {
    const launcher = /^([\w-]+)\/bin\/[\w-]+$/.exec(path);
    for (const [, started = ''] of launcher ? text.matchAll(/\/([\w-]+\.ts)\b/g) : []) {
      found.add(`${launcher?.[1]}/${started}`);
    }
  }
  return found;
}

/** A wildcard export names no file: it only lets others name one. */
function namedBy({ exports = {}, scripts = {} }: Manifest): string[] {
  const sources = Object.values(exports).map(({ source }) => source);
  return [
    ...sources,
    ...Object.values(scripts).flatMap((script) => script.match(/[\w./-]+\.(?:ts|mjs)\b/g) ?? []),
  ];
}

const STARTS_STANDALONE = '{ "scripts": { "start": "node server/standalone.ts" } }';

const MANIFEST = {
  'server/package.json': '{ "name": "@armada-ts/server", "exports": { "./*": { "source": "./*.ts" } } }',
};

const live: Rule = {
  title: 'every file is reached from a program, an export or, if it is for tests, from a test',
  covers: (path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.startsWith('bench/'),
  check: (files, tree) => {
    const entries = entryPoints(tree);
    const importers = importersOf(tree);
    return files
      .filter(({ path }) => {
        const from = [...(importers.get(path) ?? [])];
        return !entries.has(path) && !from.some((importer) => isTest(path) || !isTest(importer));
      })
      .map(({ path }) => ({
        path,
        line: 1,
        message: importers.has(path) ? 'is used by tests only' : 'is used by nothing',
      }));
  },
  faults: [
    { path: 'server/query/old.ts', text: '', beside: MANIFEST },
    { path: 'server/query/old.ts', text: '', beside: { 'server/query/old.test.ts': "import './old.ts';" } },
    { path: 'server/query/old.ts', text: "import './old.ts';" },
    { path: 'test/store/plan.ts', text: '' },
  ],
  innocent: [
    {
      path: 'server/main.ts',
      text: "import './app.ts';",
      beside: {
        'server/bin/armada-server': 'exec node "$package/main.ts"',
        'server/app.ts': "import './main.ts';",
      },
    },
    {
      path: 'server/store/sqlite/writer.ts',
      text: '',
      beside: {
        'server/store/sqlite/pipe.ts':
          "import '../../a.ts';\nnew Worker(new URL('./writer.ts', import.meta.url));",
        'server/a.ts': "import './store/sqlite/pipe.ts';",
      },
    },
    {
      path: 'server/app.ts',
      text: '',
      beside: {
        ...MANIFEST,
        'server/standalone.ts': "import '@armada-ts/server/app';",
        'package.json': STARTS_STANDALONE,
      },
    },
    {
      path: 'test/store/plan.ts',
      text: '',
      beside: { 'test/store/append.test.ts': "import { a } from './plan.ts';" },
    },
  ],
};

/** Folders whose files decide; the rest is shown by tests of whole stages. */
const DECIDING = /^server\/(?:model|scheduler\/round|submit|auth)\//;

/** A file with this many lines of code or fewer may be tested through its users. */
const SMALL_LINES = 40;

function codeLinesOf(file: SourceFile): number {
  return viewsOf(file)
    .code.split('\n')
    .filter((line) => line.trim() !== '').length;
}

/** Whether a test beside the file bears its name or the first words of it: validate.test.ts is for validate-pod.ts too. */
function isTestedByName(path: string, tree: Tree): boolean {
  const words = posix.basename(path, '.ts').split('-');
  return words.some((_, last) =>
    tree.has(posix.join(posix.dirname(path), `${words.slice(0, last + 1).join('-')}.test.ts`)),
  );
}

const LONG_CODE = 'decide();\n'.repeat(SMALL_LINES + 1);

const mirrored: Rule = {
  title: 'what decides has a test of its own',
  covers: (path) => DECIDING.test(path) && isCode(path) && !isTest(path),
  check: (files, tree) => {
    const importers = importersOf(tree);
    return files
      .filter((file) => codeLinesOf(file) > SMALL_LINES && !isTestedByName(file.path, tree))
      .filter(
        ({ path }) => ![...(importers.get(path) ?? [])].some((importer) => importer.endsWith('.test.ts')),
      )
      .map(({ path }) => ({ path, line: 1, message: 'has no test beside it, and no test imports it' }));
  },
  faults: [
    { path: 'server/model/job.ts', text: LONG_CODE },
    { path: 'server/model/job.ts', text: LONG_CODE, beside: { 'server/model/job-id.test.ts': '' } },
    {
      path: 'server/submit/validate.ts',
      text: LONG_CODE,
      beside: {
        'server/submit/submit.ts': "import './validate.ts';",
        'server/submit/submit.test.ts': "import './submit.ts';",
      },
    },
  ],
  innocent: [
    {
      path: 'server/model/job.ts',
      text: LONG_CODE,
      beside: { 'server/model/job.test.ts': "import './job.ts';" },
    },
    {
      path: 'server/model/job.ts',
      text: LONG_CODE,
      beside: { 'test/replay.test.ts': "import '../server/model/job.ts';" },
    },
    { path: 'server/model/job.ts', text: `a();${'\n// why'.repeat(SMALL_LINES + 1)}` },
  ],
};

export const reachRules: readonly Rule[] = [live, mirrored];
