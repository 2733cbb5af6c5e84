import type { Fact, View } from './view.ts';

/** How far a long piece of work has come. */
export interface Progress {
  /** What is done of the total, which may still grow, and anything worth saying beside it. */
  update(done: number, text: string, total?: number): void;
  /** Removes it from the terminal. */
  end(): void;
}

/**
 * Where results go. Commands say what there is and what happened; the form that
 * was asked for decides how it looks. Results go to standard output, everything
 * that is about the command itself to standard error, so that pipes see results
 * only.
 */
export interface Output {
  /** Gets ready for the form that was asked for. Throws a usage failure when it makes no sense. */
  prepare(): Promise<void>;
  /** True when a person reads the lines themselves: neither JSON, YAML, names nor a template. */
  readonly isForPeople: boolean;
  /** Things of one kind: a value of their own in JSON. */
  list<Row>(view: View<Row>, rows: readonly Row[]): Promise<void>;
  /** A single thing. */
  one<Row>(view: View<Row>, row: Row): Promise<void>;
  /** Something that happened: a line, or a line of JSON. */
  fact(fact: Fact): void;
  /** A single value, for scripts. */
  value(text: string): void;
  /** Bytes as they are; settles when the reader has taken them in. */
  bytes(data: Uint8Array): Promise<void>;
  /** For a person, and not part of the result. */
  notice(text: string): void;
  /** The command line is wrong, in the words of its parser, lines and all. */
  usage(text: string): void;
  error(message: string, details: readonly string[]): void;
  /** A bar on a terminal; elsewhere a line now and then, on standard error. */
  progress(total: number): Progress;
}
