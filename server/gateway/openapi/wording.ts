/** The comments of the protos as a reader of JSON needs them. */
import { commentOf } from '@armada-ts/api/comments';
import { describeMessage, messageNames } from '@armada-ts/api/descriptors';

let jsonNames: ReadonlyMap<string, string> | undefined;

/**
 * The comment of something in the protos, by its full name; empty when there is
 * none. Fields that it mentions are spelled as in JSON.
 */
export function textOf(fullName: string): string {
  jsonNames ??= fieldNames();
  const names = jsonNames;
  return commentOf(fullName).replaceAll(/\b[a-z0-9]+(?:_[a-z0-9]+)+\b/g, (word) => names.get(word) ?? word);
}

/** The first sentence, without its full stop, for where there is one line. */
export function summaryOf(text: string): string {
  const end = /[.:](?=\s|$)/.exec(text)?.index ?? text.length;
  return text.slice(0, end);
}

/** From the names that comments use to those of JSON, where they differ. */
function fieldNames(): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const typeName of messageNames()) {
    for (const { protoName, jsonName } of describeMessage(typeName).fields) {
      if (protoName !== jsonName) names.set(protoName, jsonName);
    }
  }
  return names;
}
