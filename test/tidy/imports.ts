/** What imports what: the import lines of a file, and the files they lead to. */
import { posix } from 'node:path';
import { isCode, lineAt, type SourceFile, viewsOf } from './source.ts';
import type { Tree } from './rule.ts';

export interface Import {
  specifier: string;
  line: number;
}

/** Static, dynamic, side-effect and type imports, re-exports, and names that are resolved; the literal decides, so computed names are not seen. */
const IMPORT =
  /\b(?:import|export)\s+(?:type\s+)?(?:[\w$]+\s*,\s*)?(?:[\w$]+|\{[^}]*\}|\*(?:\s*as\s+[\w$]+)?)\s*from\s*(["'])([^"']+)\1|\bimport(?:\.meta\.resolve)?\s*\(?\s*(["'])([^"']+)\3/g;

const imports = new WeakMap<SourceFile, readonly Import[]>();

/** All imports of a file, types included. */
export function importsOf(file: SourceFile): readonly Import[] {
  let found = imports.get(file);
  if (!found) {
    const { code, bare } = viewsOf(file);
    found = [...code.matchAll(IMPORT)]
      .filter(({ index }) => /[ie]/.test(bare.charAt(index)))
      .map((match) => ({ specifier: match[2] ?? match[4] ?? '', line: lineAt(code, match.index) }));
    imports.set(file, found);
  }
  return found;
}

/** The part of package.json that the rules read. */
export interface Manifest {
  name: string;
  version: string;
  license?: string;
  engines?: { node?: string };
  exports?: Record<string, { source: string }>;
  bin?: Record<string, string>;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

/** Manifests of the workspace packages by folder; the root's is under ''. */
export function manifestsOf(tree: Tree): Map<string, Manifest> {
  const found = new Map<string, Manifest>();
  for (const { path, text } of tree.values()) {
    if (/^(?:[\w-]+\/)?package\.json$/.test(path)) {
      found.set(path.slice(0, -'package.json'.length).replace(/\/$/, ''), JSON.parse(text) as Manifest);
    }
  }
  return found;
}

/** `@scope/name` or `name` of an import that is not relative. */
export function packageName(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** The file that a relative path in `from` means. */
export function relativeTo(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier);
}

/** The file that an import of a workspace package leads to, by the package's exports. */
function exportedFile(manifests: ReadonlyMap<string, Manifest>, specifier: string): string | undefined {
  const name = packageName(specifier);
  const entry = [...manifests].find(([, manifest]) => manifest.name === name);
  if (!entry) return undefined;
  const [folder, { exports = {} }] = entry;
  const subpath = `.${specifier.slice(name.length)}`;
  for (const [key, { source }] of Object.entries(exports)) {
    const [head = '', tail] = key.split('*');
    if (tail === undefined ? subpath === key : subpath.startsWith(head)) {
      return posix.join(folder, source.replace('*', subpath.slice(head.length)));
    }
  }
  return undefined;
}

/** Files that each file imports, or starts as a worker or a program by a path in a string. */
export function targetsOf(tree: Tree): Map<string, readonly string[]> {
  const manifests = manifestsOf(tree);
  const targets = new Map<string, readonly string[]>();
  for (const file of tree.values()) {
    if (!isCode(file.path)) continue;
    const imported = importsOf(file).map(({ specifier }) =>
      specifier.startsWith('.') ? relativeTo(file.path, specifier) : exportedFile(manifests, specifier),
    );
    targets.set(
      file.path,
      [...imported, ...startedBy(file)].filter((path) => path !== undefined),
    );
  }
  return targets;
}

/** A file that asks where it lies means its neighbours by the paths in its strings. */
function startedBy(file: SourceFile): string[] {
  const { bare, strings } = viewsOf(file);
  if (!bare.includes('import.meta.')) return [];
  return strings
    .filter(({ text }) => /^[\w./-]+\.ts$/.test(text))
    .map(({ text }) => relativeTo(file.path, text));
}
