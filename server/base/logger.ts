import { oneLine } from '@armada-ts/api/json/one-line';
import { pino } from 'pino';
import { type LogLevels, withLevels } from './log-levels.ts';

/** Structured log; user text is only ever a value, never part of a message or a key. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Logger;
  /** Whether anybody would read a line of this level, where making it has a price. */
  isLevelEnabled(level: Exclude<LogLevel, 'silent'>): boolean;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** A logger that writes JSON lines to standard error, and how much it writes, which can be changed. */
export function createLogging(level: LogLevel): { logger: Logger; logLevels: LogLevels } {
  const sink: Logger = pino(
    {
      level: 'debug',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      errorKey: 'err',
      // The last character ends the line.
      hooks: { streamWrite: (line) => `${oneLine(line.slice(0, -1))}\n` },
    },
    pino.destination({ dest: 2, sync: false }),
  );
  const { logger, levels } = withLevels(sink, level);
  return { logger, logLevels: levels };
}

/** For tests, and for parts that nobody listens to. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
  isLevelEnabled: () => false,
};
