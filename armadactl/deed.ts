import type { JsonValue } from '@armada-ts/api/json';
import type { CommandContext } from './command.ts';
import { oneLine } from './output/one-line.ts';

/** Something that a command has done to a thing. */
export interface Deed {
  /** In one word, for programs: `created`, `cancelling`. */
  action: string;
  kind: 'Queue' | 'Job' | 'JobSet' | 'Executor' | 'Node' | 'Context' | 'AccessKey' | 'SigningKey' | 'User';
  name: string;
  /** For people. */
  sentence: string;
  /** Further lines for people. */
  details?: readonly string[];
  /** Further fields for programs. */
  fields?: Readonly<Record<string, JsonValue>>;
}

export function reportDeed(context: CommandContext, deed: Deed): void {
  context.outliveReader();
  const { action, kind, name, sentence, details = [], fields = {} } = deed;
  context.output.fact({
    name,
    line: () => [oneLine(sentence), ...details.map((detail) => `  ${oneLine(detail)}`)].join('\n'),
    json: () => ({ action, kind, name, ...fields }),
  });
}
