/** Asks whoever sits at the terminal for what nobody is to see, such as a password. */
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { ReadStream, WriteStream } from 'node:tty';

/** The terminal itself, wherever standard input and output lead. */
const TERMINAL = '/dev/tty';

/**
 * What is typed in answer, without showing it; undefined when there is no terminal,
 * or it is left with Ctrl-D. Ctrl-C is an interruption, as anywhere.
 */
export async function askHidden(question: string): Promise<string | undefined> {
  const terminal = openTerminal();
  if (!terminal) return undefined;
  const { input, output } = terminal;
  // Lines are edited as usual, only what would show that goes nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: nowhere, terminal: true, historySize: 0 });
  output.write(question);
  let typed: string | undefined;
  lines.once('line', (line) => {
    typed = line;
    lines.close();
  });
  let isInterrupted = false;
  lines.once('SIGINT', () => {
    isInterrupted = true;
    lines.close();
  });
  // Left alone, Ctrl-Z would have the terminal show what is typed, also where nothing is suspended by it.
  lines.on('SIGTSTP', () => {});
  await once(lines, 'close');
  await new Promise<void>((resolve) => output.write('\n', () => resolve()));
  input.destroy();
  output.destroy();
  if (isInterrupted) process.kill(process.pid, 'SIGINT');
  return typed;
}

function openTerminal(): { input: ReadStream; output: WriteStream } | undefined {
  try {
    return {
      input: new ReadStream(openSync(TERMINAL, 'r')),
      output: new WriteStream(openSync(TERMINAL, 'w')),
    };
  } catch {
    return undefined;
  }
}
