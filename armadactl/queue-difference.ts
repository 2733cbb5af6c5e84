import { isDeepStrictEqual } from 'node:util';
import { toJson, type JsonValue } from '@armada-ts/api/json';
import type { Queue } from '@armada-ts/api/api/queue';

/** A setting that differs, by its place in the JSON form; null where it is not set. */
export interface FieldChange {
  field: string;
  before: JsonValue;
  after: JsonValue;
}

/** What differs between two states of a queue, down to single labels and limits. */
export function queueDifference(before: Queue, after: Queue): FieldChange[] {
  return differences('', comparable(before), comparable(after));
}

/** By subject, because who may do what is what people ask about permissions, and not in which entry it stands. */
function comparable(queue: Queue): JsonValue {
  const permissions: { [subject: string]: JsonValue } = {};
  for (const { subjects, verbs } of queue.permissions) {
    for (const { kind, name } of subjects) {
      const subject = `${kind}:${name}`;
      const before = permissions[subject];
      permissions[subject] = [...(typeof before === 'string' ? [before] : []), ...verbs].join(',');
    }
  }
  const json = toJson('api.Queue', { ...queue, permissions: [] });
  return isObject(json) ? { ...json, permissions } : json;
}

function differences(field: string, before: JsonValue, after: JsonValue): FieldChange[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (!isObject(before ?? {}) || !isObject(after ?? {})) return [{ field, before, after }];
  const one = isObject(before) ? before : {};
  const other = isObject(after) ? after : {};
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return keys.flatMap((key) =>
    differences(field === '' ? key : `${field}.${key}`, one[key] ?? null, other[key] ?? null),
  );
}

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `priorityFactor: 1 -> 2`. */
export function changeText({ field, before, after }: FieldChange): string {
  return `${field}: ${valueText(before)} -> ${valueText(after)}`;
}

function valueText(value: JsonValue): string {
  if (value === null) return '(not set)';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
