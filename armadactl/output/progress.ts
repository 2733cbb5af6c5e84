import { oneLine } from './one-line.ts';
import type { Progress } from './output.ts';
import type { Terminal } from './terminal.ts';

const BAR_WIDTH = 24;
/** A bar for what is over in a moment would only flicker. */
const BAR_DELAY_MS = 300;
/** Often enough for a person; more would cost time and hide the rest. */
const BAR_INTERVAL_MS = 50;
/** For logs. */
const LINE_INTERVAL_MS = 15_000;

export function createProgress(terminal: Terminal, initialTotal: number): Progress {
  const intervalMs = terminal.hasLastLine ? BAR_INTERVAL_MS : LINE_INTERVAL_MS;
  let nextAt = performance.now() + (terminal.hasLastLine ? BAR_DELAY_MS : LINE_INTERVAL_MS);
  return {
    update: (done, text, total = initialTotal) => {
      const now = performance.now();
      if (now < nextAt) return;
      nextAt = now + intervalMs;
      const shown = `${done}/${total}${text === '' ? '' : `  ${oneLine(text)}`}`;
      if (terminal.hasLastLine) terminal.lastLine(`${bar(done, total)} ${shown}`);
      else terminal.stderr(`${shown}\n`);
    },
    end: () => terminal.lastLine(''),
  };
}

function bar(done: number, total: number): string {
  const full = total === 0 ? 0 : Math.round((BAR_WIDTH * Math.min(done, total)) / total);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`;
}
