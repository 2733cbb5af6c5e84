/**
 * How much each component logs. A logger that is given a `part` is that
 * component's, with all that come of it; every other is the `server`'s. Levels
 * change while the server runs, and are what was configured when it starts.
 */
import type { Logger, LogLevel } from './logger.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const satisfies readonly LogLevel[];

export interface ComponentLevel {
  component: string;
  level: LogLevel;
}

export interface LogLevels {
  /** By name. */
  list(): ComponentLevel[];
  /**
   * @param component all when left out; one that is not there is no fault
   * @param level what was configured when left out
   */
  set(component?: string, level?: LogLevel): void;
}

/** Whoever names no part. */
const WHOLE = 'server';

/** Components are known by what loggers say of themselves; no more are told apart. */
const MAX_COMPONENTS = 100;

/** A gate that all loggers of a component pass. */
interface Gate {
  rank: number;
  level: LogLevel;
}

/** A logger that lets through what the levels allow, and the levels. */
export function withLevels(sink: Logger, configured: LogLevel): { logger: Logger; levels: LogLevels } {
  const gates = new Map<string, Gate>();
  const turn = (gate: Gate, level: LogLevel): void => {
    gate.level = level;
    gate.rank = LOG_LEVELS.indexOf(level);
  };
  const gateOf = (component: string): Gate => {
    const known = gates.get(component) ?? (gates.size < MAX_COMPONENTS ? undefined : gates.get(WHOLE));
    if (known) return known;
    const gate: Gate = { level: configured, rank: LOG_LEVELS.indexOf(configured) };
    gates.set(component, gate);
    return gate;
  };
  const levels: LogLevels = {
    list: () =>
      [...gates]
        .map(([component, { level }]) => ({ component, level }))
        .sort((a, b) => (a.component < b.component ? -1 : 1)),
    set(component, level = configured) {
      for (const [name, gate] of gates) if (component === undefined || component === name) turn(gate, level);
    },
  };
  return { logger: gated(sink, gateOf(WHOLE), gateOf), levels };
}

function gated(sink: Logger, gate: Gate, gateOf: (component: string) => Gate): Logger {
  return {
    debug(fields, message) {
      if (gate.rank <= 0) sink.debug(fields, message);
    },
    info(fields, message) {
      if (gate.rank <= 1) sink.info(fields, message);
    },
    warn(fields, message) {
      if (gate.rank <= 2) sink.warn(fields, message);
    },
    error(fields, message) {
      if (gate.rank <= 3) sink.error(fields, message);
    },
    isLevelEnabled: (level) => gate.rank <= LOG_LEVELS.indexOf(level) && sink.isLevelEnabled(level),
    child(fields) {
      const isPart = 'part' in fields && typeof fields.part === 'string';
      return gated(sink.child(fields), isPart ? gateOf(String(fields.part)) : gate, gateOf);
    },
  };
}
