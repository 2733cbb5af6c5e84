import type { Finding, SourceFile } from './source.ts';

/** The files of a checkout by path. */
export type Tree = ReadonlyMap<string, SourceFile>;

/** One house rule, with what shows that its check sees. */
export interface Rule {
  /** What holds, as a sentence. */
  title: string;
  /** Which files it judges. At least one file of the checkout must be among them, or the rule is out of date. */
  covers: (path: string) => boolean;
  /** Breaches in the files it covers; the tree is there to look other files up. */
  check: (files: readonly SourceFile[], tree: Tree) => Finding[];
  /** Files it lets pass, each with the reason. One that has nothing to pass is a finding. */
  exempt?: Readonly<Record<string, string>>;
  /** Breaches that it must find. */
  faults: readonly PlantedFault[];
  /** What looks like a breach and is none. */
  innocent: readonly Planted[];
}

/** A file, with the files it needs beside it. */
export interface Planted {
  path: string;
  text: string;
  beside?: Readonly<Record<string, string>>;
}

export interface PlantedFault extends Planted {
  /** Where the one finding must be: a line of `path`, from 1; 1 unless given. */
  line?: number;
}

export function treeOf(files: Iterable<SourceFile>): Tree {
  return new Map([...files].map((file) => [file.path, file]));
}

/** A check that looks at one file at a time. */
export function eachFile(check: (file: SourceFile, tree: Tree) => Finding[]): Rule['check'] {
  return (files, tree) => files.flatMap((file) => check(file, tree));
}

/** What a rule has to say about a tree, exemptions applied. */
export function judge(rule: Rule, tree: Tree): Finding[] {
  const covered = [...tree.values()].filter(({ path }) => rule.covers(path));
  return rule.check(covered, tree).filter(({ path }) => rule.exempt?.[path] === undefined);
}

/** Exemptions that pass nothing any more. */
export function needlessExemptions(rule: Rule, tree: Tree): string[] {
  const covered = [...tree.values()].filter(({ path }) => rule.covers(path));
  const needed = new Set(rule.check(covered, tree).map(({ path }) => path));
  return Object.keys(rule.exempt ?? {}).filter((path) => !needed.has(path));
}
