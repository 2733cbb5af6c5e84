/** What docs/security.md shows, for the tests that do as it says. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './e2e/programs.ts';

export type Language = 'yaml' | 'sh';

/** All blocks of a language on the page, with the heading that each stands under. */
export async function shownBlocks(language: Language): Promise<{ heading: string; text: string }[]> {
  const page = await readFile(join(root, 'docs/security.md'), 'utf8');
  return page.split(/^(?=##)/m).flatMap((section) => {
    const [, heading = ''] = /^#+ (.*)$/m.exec(section) ?? [];
    const blocks = section.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'));
    return Array.from(blocks, ([, text = '']) => ({ heading, text }));
  });
}

/** The first under a heading, with what is only an example replaced. Throws when something that was to be replaced is not there. */
export async function shownUnder(
  heading: string,
  language: Language,
  replacements: readonly (readonly [example: string, real: string])[] = [],
): Promise<string> {
  const found = (await shownBlocks(language)).find((block) => block.heading === heading);
  if (!found) throw new Error(`docs/security.md shows no ${language} under "${heading}"`);
  return replacements.reduce((text, [example, real]) => {
    if (!text.includes(example)) throw new Error(`there is no ${example} in what is shown of ${heading}`);
    return text.replaceAll(example, real);
  }, found.text);
}
