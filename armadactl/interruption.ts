import type { Interruption } from '@armada-ts/client';
import type { CommandContext } from './command.ts';

/** Tells once that a stream broke; the tries after it are the client's business. */
export function noteInterruption(context: CommandContext): (interruption: Interruption) => void {
  return ({ error, attempt }) => {
    if (attempt > 1) return;
    context.output.notice(`note: the stream broke (${error?.message ?? 'ended by the server'}); resuming`);
  };
}
