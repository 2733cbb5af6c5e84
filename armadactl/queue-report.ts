import type { CommandContext } from './command.ts';
import { reportDeed } from './deed.ts';
import { changeText, type FieldChange } from './queue-difference.ts';

/** Says what of a queue has changed, or would. */
export function reportQueueChange(
  context: CommandContext,
  { name, changes, dryRun }: { name: string; changes: readonly FieldChange[]; dryRun: boolean },
): void {
  if (changes.length === 0) {
    const sentence = `Queue ${name} is as it should be`;
    reportDeed(context, { action: 'unchanged', kind: 'Queue', name, sentence });
    return;
  }
  reportDeed(context, {
    action: 'updated',
    kind: 'Queue',
    name,
    sentence: dryRun ? `Queue ${name} would change:` : `Updated queue ${name}`,
    details: changes.map(changeText),
    fields: {
      changes: changes.map(({ field, before, after }) => ({ field, before, after })),
      ...(dryRun ? { dryRun } : {}),
    },
  });
}
