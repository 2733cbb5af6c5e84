/** What the package.json files say: versions, licence, the Node they need. */
import { type Manifest, manifestsOf } from './imports.ts';
import { eachFile, type Rule, type Tree } from './rule.ts';
import { type Finding, lineAt, type SourceFile } from './source.ts';

const EXACT = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;

function isManifest(path: string): boolean {
  return /(?:^|\/)package\.json$/.test(path);
}

/** A finding at the first line that holds `where`. */
function at({ path, text }: SourceFile, where: string, message: string): Finding {
  return { path, line: lineAt(text, Math.max(0, text.indexOf(where))), message };
}

function versionsIn(manifest: Manifest): [name: string, version: string][] {
  const { dependencies, devDependencies, optionalDependencies, peerDependencies } = manifest;
  return [dependencies, devDependencies, optionalDependencies, peerDependencies].flatMap((all) =>
    Object.entries(all ?? {}),
  );
}

const exact: Rule = {
  title: 'versions of dependencies are exact',
  covers: isManifest,
  check: eachFile((file) =>
    versionsIn(JSON.parse(file.text) as Manifest)
      .filter(([, version]) => !EXACT.test(version))
      .map(([name, version]) => at(file, `"${name}"`, `${name} ${version}: state one version`)),
  ),
  faults: [
    { path: 'client/package.json', text: '{\n"dependencies": {\n"yaml": "^2.9.1" } }', line: 3 },
    { path: 'package.json', text: '{ "devDependencies": { "node": ">=24" } }' },
    { path: 'package.json', text: '{ "optionalDependencies": { "kerberos": "*" } }' },
  ],
  innocent: [
    {
      path: 'package.json',
      text: '{ "devDependencies": { "a": "1.0.0-rc.1" }, "engines": { "node": ">=24" } }',
    },
  ],
};

function statedFaults(file: SourceFile, tree: Tree): Finding[] {
  const manifest = JSON.parse(file.text) as Manifest;
  const manifests = manifestsOf(tree);
  const version = manifests.get('')?.version;
  const ours = new Set([...manifests.values()].map(({ name }) => name));
  const found: Finding[] = [];
  if (manifest.license !== 'Apache-2.0') found.push(at(file, '"license"', 'the licence is Apache-2.0'));
  if (manifest.engines?.node !== '>=24') found.push(at(file, '"engines"', 'engines.node is >=24'));
  if (manifest.version !== version) found.push(at(file, '"version"', `all packages have version ${version}`));
  for (const [name, wanted] of versionsIn(manifest)) {
    if (ours.has(name) && wanted !== version) found.push(at(file, `"${name}"`, `${name} is at ${version}`));
  }
  return found;
}

const IN_ORDER = '"version": "0.1.0", "license": "Apache-2.0", "engines": { "node": ">=24" } }';
const BESIDE = {
  'api/package.json': `{ "name": "@armada-ts/api", ${IN_ORDER}`,
  'package.json': `{ "name": "root", ${IN_ORDER}`,
};

/** A manifest of four lines in which one thing differs from what must be. */
function stating({ version = '0.1.0', license = 'Apache-2.0', node = '>=24', api = '0.1.0' }): string {
  return `{ "name": "@armada-ts/client", "version": "${version}",\n"license": "${license}",\n"engines": { "node": "${node}" },\n"dependencies": { "@armada-ts/api": "${api}" } }`;
}

const stated: Rule = {
  title: 'all packages have one version, one licence and one Node',
  covers: isManifest,
  check: eachFile(statedFaults),
  faults: [
    { path: 'client/package.json', text: stating({ license: 'MIT' }), line: 2, beside: BESIDE },
    { path: 'client/package.json', text: stating({ node: '>=20' }), line: 3, beside: BESIDE },
    { path: 'client/package.json', text: stating({ version: '0.2.0' }), line: 1, beside: BESIDE },
    { path: 'client/package.json', text: stating({ api: '0.0.9' }), line: 4, beside: BESIDE },
  ],
  innocent: [{ path: 'client/package.json', text: stating({}), beside: BESIDE }],
};

export const manifestRules: readonly Rule[] = [exact, stated];
