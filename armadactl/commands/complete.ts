import { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { openContext } from '../command-context.ts';
import { complete } from '../completion.ts';
import { addGlobalOptions } from '../global-options.ts';

/** Asked by the scripts of `completion`, with the words after the program's name, the last one being typed. */
export function define(command: Command, context: CommandContext): void {
  command.argument('[words...]').action(async (words: string[]) => {
    const typed = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    addGlobalOptions(typed);
    const asTyped = openContext(typed, { ...context, askHidden: async () => undefined });
    try {
      readGlobalOptions(typed, words.slice(0, -1));
      const candidates = await complete(words, asTyped);
      if (candidates.length > 0) context.output.value(candidates.join('\n'));
    } catch {
      // Whoever presses the tab key wants candidates or silence.
    } finally {
      asTyped.close();
    }
  });
}

/** The last option may still wait for its value, which is then what is being typed. */
function readGlobalOptions(typed: Command, words: readonly string[]): void {
  try {
    typed.parseOptions([...words]);
  } catch {
    typed.parseOptions(words.slice(0, -1));
  }
}
