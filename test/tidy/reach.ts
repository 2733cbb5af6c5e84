/** That what is there is used, and that what decides is tested. */
import { posix } from 'node:path';
import { type Manifest, manifestsOf, targetsOf } from './imports.ts';
import type { Rule, Tree } from './rule.ts';
import { type Finding, isCode, isTest, type SourceFile, viewsOf } from './source.ts';

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

/** All files that one gets to from some files by following imports, those included. */
function reachedFrom(starts: Iterable<string>, targets: ReadonlyMap<string, readonly string[]>): Set<string> {
  const reached = new Set(starts);
  // What is added to a set while it is walked is walked as well.
  for (const path of reached) for (const target of targets.get(path) ?? []) reached.add(target);
  return reached;
}

function unreached(files: readonly SourceFile[], tree: Tree): Finding[] {
  const targets = targetsOf(tree);
  const inPrograms = reachedFrom(entryPoints(tree), targets);
  const inTests = reachedFrom(
    [...tree.keys()].filter((path) => path.endsWith('.test.ts')),
    targets,
  );
  return files
    .filter(({ path }) => !inPrograms.has(path) && !(isTest(path) && inTests.has(path)))
    .map(({ path }) => ({
      path,
      line: 1,
      message: `is used by ${inTests.has(path) ? 'tests only' : 'nothing'}`,
    }));
}

/** A package whose launcher starts main.ts, and that lets others import any of its files. */
const PROGRAM = {
  'server/bin/armada-server': 'exec node "$package/main.ts" "$@"',
  'server/package.json': '{ "name": "@armada-ts/server", "exports": { "./*": { "source": "./*.ts" } } }',
};

const live: Rule = {
  title: 'every file is reached from a program, an export or, if it is for tests, from a test',
  covers: (path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.startsWith('bench/'),
  check: unreached,
  faults: [
    { path: 'server/query/old.ts', text: '', beside: PROGRAM },
    { path: 'server/query/old.ts', text: '', beside: { 'server/query/old.test.ts': "import './old.ts';" } },
    {
      path: 'server/query/old.ts',
      text: '',
      beside: { 'bench/old.ts': "import '@armada-ts/server/query/old';" },
    },
    { path: 'server/query/old.ts', text: "import './old.ts';" },
    { path: 'test/store/plan.ts', text: '' },
  ],
  innocent: [
    { path: 'server/main.ts', text: '', beside: PROGRAM },
    {
      path: 'server/run.ts',
      text: '',
      beside: { ...PROGRAM, 'server/main.ts': "import './app.ts';", 'server/app.ts': "import './run.ts';" },
    },
    {
      path: 'server/writer.ts',
      text: '',
      beside: { ...PROGRAM, 'server/main.ts': "new Worker(new URL('./writer.ts', import.meta.url));" },
    },
    {
      path: 'server/app.ts',
      text: '',
      beside: {
        ...PROGRAM,
        'package.json': '{ "scripts": { "start": "node test/start.ts" } }',
        'test/start.ts': "import '@armada-ts/server/app';",
      },
    },
    { path: 'test/store/plan.ts', text: '', beside: { 'test/store/append.test.ts': "import './plan.ts';" } },
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
    const targets = targetsOf(tree);
    const tests = [...targets.keys()].filter((path) => path.endsWith('.test.ts'));
    const tested = new Set(tests.flatMap((path) => targets.get(path) ?? []));
    return files
      .filter((file) => codeLinesOf(file) > SMALL_LINES && !isTestedByName(file.path, tree))
      .filter(({ path }) => !tested.has(path))
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
