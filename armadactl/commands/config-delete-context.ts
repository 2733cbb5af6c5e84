import type { Command } from 'commander';
import { isScalar } from 'yaml';
import { findContext } from '@armada-ts/client/config-file';
import type { CommandContext } from '../command.ts';
import { entryOf, mapAt, rootOf, writeConfigText } from '../config-edit.ts';
import { requireContexts } from '../contexts.ts';
import { reportDeed } from '../deed.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<context>').action(async (word: string) => {
    const { file } = await requireContexts(context);
    const [name] = findContext(file, word);
    const { document } = file;
    const root = rootOf(document);
    mapAt(document, root, 'contexts').delete(name);
    const current = entryOf(root, 'currentContext');
    const wasCurrent = isScalar(current?.value) && current.value.value === name;
    if (current && wasCurrent) root.delete(current.key);
    writeConfigText(file, document.toString());
    if (wasCurrent) {
      context.output.notice(
        'it was the current context; choose another with `armadactl config use-context NAME`',
      );
    }
    reportDeed(context, { action: 'deleted', kind: 'Context', name, sentence: `Deleted context ${name}` });
  });
}
