// Copies of the protos with planted faults, to show that the checks of the
// contract catch them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** The checkout. */
export const root = join(import.meta.dirname, '..', '..');

/** A replacement of a text that stands in the file exactly once. */
export interface Edit {
  /** Relative to the checkout. */
  file: string;
  from: string;
  to: string;
}

/** Copies what buf and the checks of the contract read; the copy goes when the test ends. */
export function copyProtos(t: TestContext): string {
  const copy = mkdtempSync(join(tmpdir(), 'armada-protos-'));
  t.after(() => rmSync(copy, { recursive: true }));
  for (const path of ['buf.yaml', 'api/proto', 'api/googleapis', 'test/proto-check.mjs']) {
    cpSync(join(root, path), join(copy, path), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

export function plant(copy: string, edit: Edit): void {
  const path = join(copy, edit.file);
  const parts = readFileSync(path, 'utf8').split(edit.from);
  assert.equal(parts.length, 2, `${edit.file} should hold ${JSON.stringify(edit.from)} once`);
  writeFileSync(path, parts.join(edit.to));
}

/** What a finished command left. */
export interface Outcome {
  status: number | null;
  /** Standard output and standard error, the former first. */
  output: string;
}

/** Waits for a command. Run from a git hook, the hook's variables must not lead git from the copy to the checkout. */
export function run(directory: string, command: string, ...args: string[]): Outcome {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
  const done = spawnSync(command, args, { cwd: directory, env, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (done.error) throw done.error;
  return { status: done.status, output: done.stdout + done.stderr };
}

export const bufCommand: string = join(root, 'node_modules', '.bin', 'buf');
