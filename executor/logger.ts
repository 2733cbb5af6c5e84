import { oneLine } from '@armada-ts/api/json/one-line';
import { pino } from 'pino';

/** Structured log. What users wrote is only ever a value in `fields`, never part of the message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** A logger that writes JSON lines to standard error. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // The last character ends the line.
      hooks: { streamWrite: (line) => `${oneLine(line.slice(0, -1))}\n` },
    },
    pino.destination(2),
  );
}
