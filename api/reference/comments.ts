/** The comments of the protos, which are the reference of the API. Large: import it when a reference is asked for. */
import { comments, deprecated } from '../generated/reference/comments.ts';

const deprecatedNames = new Set(deprecated);

/**
 * The comment of a service, method, message, field, oneof, enum or value, by its
 * full name such as `api.Queue.priority_factor`; empty when there is none.
 */
export function commentOf(fullName: string): string {
  return Object.hasOwn(comments, fullName) ? (comments[fullName] ?? '') : '';
}

export function isDeprecated(fullName: string): boolean {
  return deprecatedNames.has(fullName);
}
