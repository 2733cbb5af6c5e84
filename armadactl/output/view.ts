import type { JsonValue, MessageName, MessageTypes } from '@armada-ts/api/json';
import type { Colour, Paint } from './paint.ts';

/** The JSON codec, handed in so that it is loaded only where JSON is printed. */
export type ToJson = <Name extends MessageName>(typeName: Name, message: MessageTypes[Name]) => JsonValue;

export interface Column<Row> {
  title: string;
  cell: (row: Row) => string;
  colour?: (row: Row) => Colour | undefined;
  /** May be shortened where the terminal is too narrow; ids and times stay whole. */
  isElastic?: boolean;
  /** Left out where even that is not enough, the lowest rank first; columns without a rank stay. */
  dropRank?: number;
}

/** How one kind of thing looks in every form of output. */
export interface View<Row> {
  /** As in JSON, such as `Queue`; a list of them is a `QueueList`. */
  kind: string;
  /** What other commands take for it. */
  name: (row: Row) => string;
  json: (row: Row, toJson: ToJson) => JsonValue;
  columns: readonly Column<Row>[];
  /** The form for a person; lines are asked for when it is `text`. */
  preferred: 'table' | 'yaml' | 'text';
  lines?: (row: Row, paint: Paint) => readonly string[];
}

/** Something that happened, told at once and not as part of a list. */
export interface Fact {
  /** Id or name of what it happened to. */
  name: string;
  /** For a person: one line or, for what changed in detail, several. */
  line: (paint: Paint) => string;
  json: (toJson: ToJson) => JsonValue;
}
