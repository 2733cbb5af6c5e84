/** Borders between packages: who may import whom, and that package.json says so. */
import { importsOf, type Manifest, manifestsOf, packageName, relativeTo } from './imports.ts';
import { eachFile, type Rule, type Tree } from './rule.ts';
import { type Finding, isCode, isTest, lineAt, type SourceFile } from './source.ts';

/** Dependencies point one way: api <- client <- armadactl; api <- executor; api <- server. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  api: [],
  client: ['api'],
  executor: ['api'],
  server: ['api'],
  armadactl: ['api', 'client'],
};

/** What puts a server and an executor into one process. */
const STANDALONE = 'server/standalone.ts';

/** Single files that cross a border that their package does not, and why that is harmless. */
const CROSSINGS: Readonly<Record<string, string>> = {
  // The executor is started beside the server, not used by it.
  [STANDALONE]: 'executor',
  'server/dev-server.ts': 'executor',
  // An optional peer of the package, loaded when a test starts a server of its own.
  'client/dev-server.ts': 'server',
};

/** What only generated code imports, which is not in the repository: ts-proto's and protoc-gen-es's own needs. */
const USED_BY_GENERATED_CODE: Readonly<Record<string, readonly string[]>> = {
  api: ['@bufbuild/protobuf', '@grpc/grpc-js'],
};

const OURS = '@armada-ts/';

function packageOf(path: string): string | undefined {
  const folder = path.slice(0, Math.max(0, path.indexOf('/')));
  return MAY_IMPORT[folder] ? folder : undefined;
}

function isInPackage(path: string): boolean {
  return isCode(path) && packageOf(path) !== undefined;
}

function strangersIn(file: SourceFile): Finding[] {
  const home = packageOf(file.path) ?? '';
  const allowed = [home, ...(MAY_IMPORT[home] ?? []), CROSSINGS[file.path]];
  return importsOf(file).flatMap(({ specifier, line }) => {
    const other = specifier.startsWith(OURS) ? packageName(specifier).slice(OURS.length) : undefined;
    if (other === undefined || allowed.includes(other)) return [];
    return [{ path: file.path, line, message: `${home} does not import ${other}` }];
  });
}

const directions: Rule = {
  title: 'packages import each other in one direction only',
  covers: (path) => isInPackage(path) && !isTest(path),
  check: eachFile(strangersIn),
  faults: [
    { path: 'api/json/codec.ts', text: "import { connect } from '@armada-ts/client';" },
    { path: 'client/jobs.ts', text: "\nimport { a } from '@armada-ts/server/app';", line: 2 },
    { path: 'armadactl/main.ts', text: "import '@armada-ts/executor/runtime';" },
    { path: 'executor/leases.ts', text: "const a = await import('@armada-ts/server/app');" },
    { path: 'server/app.ts', text: "import type { Runtime } from '@armada-ts/executor/runtime';" },
    { path: 'client/dev-server.ts', text: "import { run } from '@armada-ts/executor/run';" },
  ],
  innocent: [
    { path: STANDALONE, text: "import { run } from '@armada-ts/executor/run';" },
    { path: 'client/dev-server.ts', text: "const a = await import('@armada-ts/server/dev-server');" },
    { path: 'armadactl/main.ts', text: "import { connect } from '@armada-ts/client';" },
    { path: 'client/jobs.ts', text: "// import { a } from '@armada-ts/server/app';" },
    { path: 'client/jobs.ts', text: "const text = `import { a } from '@armada-ts/server/app';`;" },
    { path: 'client/jobs.test.ts', text: "import { createApp } from '@armada-ts/server/app';" },
  ],
};

const relativeImports: Rule = {
  title: 'relative imports stay in their package, and never reach into test code',
  covers: isCode,
  check: eachFile((file) => {
    const home = packageOf(file.path);
    return importsOf(file).flatMap(({ specifier, line }) => {
      if (!specifier.startsWith('.')) return [];
      const target = relativeTo(file.path, specifier);
      if (packageOf(target) !== home) {
        return [{ path: file.path, line, message: `${specifier} leaves the package` }];
      }
      if (!isTest(file.path) && isTest(target)) {
        return [{ path: file.path, line, message: `${specifier} is test code` }];
      }
      return [];
    });
  }),
  faults: [
    { path: 'armadactl/main.ts', text: "import { connect } from '../client/connect.ts';" },
    { path: 'server/auth/chain.test.ts', text: "import { plant } from '../../test/contract/proto-copy.ts';" },
    { path: 'test/store/append.ts', text: "import type { Store } from '../../server/store/store.ts';" },
    { path: 'api/json/codec.ts', text: "import { normalForm } from './testing/normal-form.ts';" },
  ],
  innocent: [
    { path: 'server/auth/chain.ts', text: "import { ArmadaError } from '../base/errors.ts';" },
    { path: 'test/store/append.ts', text: "import { open } from '../contract/proto-copy.ts';" },
    { path: 'api/json/codec.test.ts', text: "import { normalForm } from './testing/normal-form.ts';" },
  ],
};

function namesIn(dependencies: Manifest['dependencies'] = {}): string[] {
  return Object.keys(dependencies);
}

/** Packages that code under a folder may import: those the package states, for tests also what the workspace has. */
function declaredFor(path: string, manifests: ReadonlyMap<string, Manifest>): Set<string> {
  const own = manifests.get(packageOf(path) ?? '');
  const declared = [
    own?.name ?? '',
    ...namesIn(own?.dependencies),
    ...namesIn(own?.optionalDependencies),
    ...namesIn(own?.peerDependencies),
  ];
  if (isTest(path) || packageOf(path) === undefined || path.endsWith('.mjs')) {
    declared.push(...namesIn(manifests.get('')?.devDependencies));
    for (const { name } of manifests.values()) declared.push(name);
  }
  return new Set(declared);
}

const WORKSPACE = {
  'package.json': '{ "name": "armada-ts", "devDependencies": { "fast-check": "4.10.2" } }',
  'client/package.json': '{ "name": "@armada-ts/client", "dependencies": { "yaml": "2.9.1" } }',
};

const declared: Rule = {
  title: 'what a package imports stands in its package.json',
  covers: isCode,
  check: (files, tree) => {
    const manifests = manifestsOf(tree);
    return files.flatMap((file) => {
      const known = declaredFor(file.path, manifests);
      return importsOf(file).flatMap(({ specifier, line }) => {
        if (specifier.startsWith('.') || specifier.startsWith('node:') || known.has(packageName(specifier)))
          return [];
        return [{ path: file.path, line, message: `${packageName(specifier)} is not in package.json` }];
      });
    });
  },
  faults: [
    { path: 'client/errors.ts', text: "import { status } from '@grpc/grpc-js';", beside: WORKSPACE },
    { path: 'client/errors.ts', text: "import fc from 'fast-check';", beside: WORKSPACE },
    { path: 'client/errors.ts', text: "import { join } from 'path';", beside: WORKSPACE },
    { path: 'test/tidy.test.ts', text: "import { parse } from 'yaml';", beside: WORKSPACE },
  ],
  innocent: [
    {
      path: 'client/errors.ts',
      text: "import { parse } from 'yaml/util';\nimport 'node:path';",
      beside: WORKSPACE,
    },
    { path: 'client/errors.test.ts', text: "import fc from 'fast-check';", beside: WORKSPACE },
    { path: 'bench/submit.ts', text: "import { connect } from '@armada-ts/client';", beside: WORKSPACE },
    {
      path: 'client/dev-server.ts',
      text: "const { startDevServer } = await import('@armada-ts/server/dev-server');",
      beside: { 'client/package.json': '{ "peerDependencies": { "@armada-ts/server": "0.1.0" } }' },
    },
  ],
};

/** Packages imported by the code of a folder that ships, generated code included. */
function importedUnder(folder: string, tree: Tree): Set<string> {
  const names = new Set(USED_BY_GENERATED_CODE[folder] ?? []);
  for (const file of tree.values()) {
    if (!isCode(file.path) || isTest(file.path) || packageOf(file.path) !== folder) continue;
    for (const { specifier } of importsOf(file)) names.add(packageName(specifier));
  }
  return names;
}

const live: Rule = {
  title: 'every dependency of a package is imported by it',
  covers: (path) => path.endsWith('/package.json'),
  check: eachFile((file, tree) => {
    const folder = file.path.slice(0, file.path.indexOf('/'));
    const manifest = JSON.parse(file.text) as Manifest;
    const imported = importedUnder(folder, tree);
    return [...namesIn(manifest.dependencies), ...namesIn(manifest.optionalDependencies)]
      .filter((name) => !imported.has(name))
      .map((name) => ({
        path: file.path,
        line: lineAt(file.text, file.text.indexOf(`"${name}"`)),
        message: `${name} is imported by no file of ${folder}`,
      }));
  }),
  faults: [
    {
      path: 'client/package.json',
      text: '{\n  "dependencies": {\n    "yaml": "2.9.1",\n    "zod": "4.6.7"\n  }\n}',
      line: 4,
      beside: {
        'client/a.ts': "import 'yaml';",
        'client/a.test.ts': "import 'zod';",
        'server/a.ts': "import 'zod';",
      },
    },
  ],
  innocent: [
    {
      path: 'client/package.json',
      text: '{ "dependencies": { "yaml": "2.9.1" } }',
      beside: { 'client/a.ts': "import type { Document } from 'yaml';" },
    },
    { path: 'api/package.json', text: '{ "dependencies": { "@grpc/grpc-js": "1.14.7" } }' },
  ],
};

export const borderRules: readonly Rule[] = [directions, relativeImports, declared, live];
