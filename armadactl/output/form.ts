import { nearNames } from '@armada-ts/api/json/near-names';
import { InvalidArgumentError } from 'commander';

/** How results are printed. `default` is what a person wants of that command. */
export type Form =
  | { kind: 'default' | 'table' | 'json' | 'yaml' | 'name' }
  | { kind: 'jsonpath'; template: string };

export const FORM_NAMES = ['table', 'json', 'yaml', 'name', 'jsonpath'] as const;

const JSONPATH = 'jsonpath=';

/** Reads the value of `--output`. The template is judged later, by whoever evaluates it. */
export function parseForm(text: string): Form {
  if (text.startsWith(JSONPATH)) return { kind: 'jsonpath', template: text.slice(JSONPATH.length) };
  if (text === 'table' || text === 'json' || text === 'yaml' || text === 'name') return { kind: text };
  if (text === 'jsonpath') throw new InvalidArgumentError("Expected a template, as in jsonpath='{.name}'.");
  const [near] = nearNames(text, FORM_NAMES);
  throw new InvalidArgumentError(
    near === undefined ? `Expected ${FORM_NAMES.join(', ')}=TEMPLATE.` : `Did you mean ${near}?`,
  );
}

export const COLOR_CHOICES = ['auto', 'always', 'never'] as const;
export type ColorChoice = (typeof COLOR_CHOICES)[number];

export function parseColorChoice(text: string): ColorChoice {
  const choice = COLOR_CHOICES.find((candidate) => candidate === text);
  if (choice !== undefined) return choice;
  throw new InvalidArgumentError(`Expected ${COLOR_CHOICES.join(', ')}.`);
}
