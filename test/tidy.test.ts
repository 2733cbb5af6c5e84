/**
 * The house rules as a program. Each subject has its rules in test/tidy/; here
 * they are held against the checkout, and each is shown faults that it must
 * find and look-alikes that it must pass: a rule that sees nothing would be
 * content with everything.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { borderRules } from './tidy/borders.ts';
import { errorCodeRules } from './tidy/error-codes.ts';
import { leftoverRules } from './tidy/leftovers.ts';
import { manifestRules } from './tidy/manifests.ts';
import { nameRules } from './tidy/names.ts';
import { permissionRules } from './tidy/permissions.ts';
import { placeRules } from './tidy/places.ts';
import { purityRules } from './tidy/purity.ts';
import { reachRules } from './tidy/reach.ts';
import { judge, needlessExemptions, type Planted, type Rule, type Tree, treeOf } from './tidy/rule.ts';
import { serverFolderRules } from './tidy/server-folders.ts';
import { sizeRules } from './tidy/size.ts';
import { isCode, type SourceFile, viewsOf } from './tidy/source.ts';

const RULES: readonly Rule[] = [
  ...borderRules,
  ...serverFolderRules,
  ...purityRules,
  ...permissionRules,
  ...errorCodeRules,
  ...nameRules,
  ...leftoverRules,
  ...placeRules,
  ...sizeRules,
  ...reachRules,
  ...manifestRules,
];

const root = join(import.meta.dirname, '..');

/** The files that git tracks, and those it would. */
function checkout(): Tree {
  const listed = execFileSync('git', ['ls-files', '-coz', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  const paths = new Set(listed.split('\0').filter((path) => path !== ''));
  return treeOf([...paths].flatMap((path) => read(path) ?? []));
}

/** A file as text; undefined when it was deleted but git does not know yet, or is not text. */
function read(path: string): SourceFile | undefined {
  try {
    const text = readFileSync(join(root, path), 'utf8');
    return text.includes('\0') ? undefined : { path, text };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function planted({ path, text, beside = {} }: Planted): Tree {
  return treeOf(
    Object.entries({ ...beside, [path]: text }).map(([at, content]) => ({ path: at, text: content })),
  );
}

function places(rule: Rule, tree: Tree): string[] {
  return judge(rule, tree).map(({ path, line }) => `${path}:${line}`);
}

describe('the checkout', () => {
  const tree = checkout();

  test('code, comments and strings are told apart in every file', () => {
    const misread = [...tree.values()].filter(
      (file) => isCode(file.path) && unmatchedBrackets(viewsOf(file).bare),
    );
    assert.deepEqual(
      misread.map(({ path }) => path),
      [],
    );
  });

  for (const rule of RULES) {
    test(rule.title, () => {
      const found = judge(rule, tree).map(({ path, line, message }) => `${path}:${line}: ${message}`);
      assert.ok(found.length === 0, `\n${found.join('\n')}`);
      const needless = needlessExemptions(rule, tree);
      assert.deepEqual(needless, [], `exempt, but in order or gone: ${needless.join(', ')}`);
      assert.ok([...tree.keys()].some(rule.covers), 'no file of the checkout falls under this rule');
    });
  }
});

/** What remains of a text when brackets that match are taken away; long when a quote was mistaken for another thing. */
function unmatchedBrackets(bare: string): string {
  const open: string[] = [];
  for (const [bracket] of bare.matchAll(/[()[\]{}]/g)) {
    const pair = `${open.at(-1)}${bracket}`;
    if (['()', '[]', '{}'].includes(pair)) open.pop();
    else open.push(bracket);
  }
  return open.join('');
}

describe('each rule', () => {
  for (const rule of RULES) {
    test(`finds what breaks "${rule.title}", and nothing else`, () => {
      assert.ok(rule.faults.length > 0 && rule.innocent.length > 0, 'nothing is planted');
      for (const fault of rule.faults) {
        assert.deepEqual(places(rule, planted(fault)), [`${fault.path}:${fault.line ?? 1}`], fault.text);
      }
      for (const innocent of rule.innocent) {
        assert.deepEqual(
          places(rule, planted(innocent)).filter((place) => place.startsWith(`${innocent.path}:`)),
          [],
          innocent.text,
        );
      }
    });
  }
});
