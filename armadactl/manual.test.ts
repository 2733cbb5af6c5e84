import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Command } from 'commander';
import type { CommandContext } from './command.ts';
import { commandTable } from './command-table.ts';
import { addGlobalOptions } from './global-options.ts';

const manual = readFileSync(new URL('../docs/armadactl.md', import.meta.url), 'utf8');

/** Nothing is run: commands only say which options and arguments they have. */
const nothing = {} as CommandContext;

/** A word of the manual, and not the beginning of a longer one. */
function mentions(word: string): boolean {
  return new RegExp(`(?<![\\w-])${word.replaceAll(/[-.]/g, '\\$&')}(?![\\w-])`).test(manual);
}

test('the manual shows every command', () => {
  const shown = commandTable.filter(({ hidden, load }) => !hidden && load);
  assert.ok(shown.length > 40, `${shown.length} commands`);
  const missing = shown.map(({ words }) => words.join(' ')).filter((name) => !mentions(`armadactl ${name}`));
  assert.deepEqual(missing, []);
});

test('the manual names every option of every command, by its long and its short form', async () => {
  const missing: string[] = [];
  for (const { words, hidden, load } of commandTable) {
    const module = await load?.();
    if (hidden || !module) continue;
    const command = new Command();
    module.define(command, nothing);
    for (const option of command.options.filter((each) => !each.hidden)) {
      for (const flag of [option.long, option.short]) {
        if (flag && !mentions(flag)) missing.push(`${words.join(' ')} ${flag}`);
      }
    }
  }
  assert.deepEqual(missing, []);
});

test('the manual names every option that all commands have', () => {
  const program = new Command();
  addGlobalOptions(program);
  const flags = program.options
    .flatMap(({ long, short }) => [long, short])
    .filter((flag) => flag !== undefined);
  assert.ok(flags.includes('--output'));
  assert.deepEqual(
    flags.filter((flag) => !mentions(flag)),
    [],
  );
});

test('every command of the manual is one that there is', () => {
  const first = commandTable.filter(({ words }) => words.length === 1);
  const names = new Set(first.flatMap(({ words, aliases = [] }) => [...words, ...aliases]));
  const typed = [...manual.matchAll(/^(?:\$ )?armadactl ([a-z][\w-]*)/gm)].map(([, word = '']) => word);
  assert.ok(typed.length > 40);
  assert.deepEqual(
    typed.filter((word) => !names.has(word)),
    [],
  );
});
