/**
 * Texts from the path, the query or a form to the JSON value that the codec
 * would read for the same field. What does not fit is left as text: the codec
 * says what it expected instead.
 */
import { describeMessage, type FieldDescriptor } from '@armada-ts/api/descriptors';
import { invalidField } from '../../base/errors.ts';

export type JsonObject = Record<string, unknown>;

/** A field that a text can stand for. */
export interface Parameter {
  /** Keys from the root of the request to the field. */
  readonly keys: readonly string[];
  readonly field: FieldDescriptor;
}

/**
 * The field of a request type that a name means: proto names or camelCase
 * names, joined by dots. Undefined for the names of none, and of maps.
 */
export function parameterOf(typeName: string, name: string): Parameter | undefined {
  const keys: string[] = [];
  let within = typeName;
  let field: FieldDescriptor | undefined;
  for (const part of name.split('.')) {
    if (keys.length > 0 && !(field?.type === 'message' && field.label === 'single')) return undefined;
    field = describeMessage(within).fields.find(
      ({ protoName, jsonName }) => part === protoName || part === jsonName,
    );
    if (field === undefined || field.label === 'map') return undefined;
    keys.push(field.jsonName);
    within = field.typeName;
  }
  return field && { keys, field };
}

/** Puts all of a query into the request; names that the request does not know are passed over. Throws INVALID_REQUEST. */
export function applyQuery(request: JsonObject, typeName: string, query: URLSearchParams): void {
  for (const name of new Set(query.keys())) {
    const parameter = parameterOf(typeName, name);
    if (parameter !== undefined) applyTexts(request, parameter, query.getAll(name));
  }
}

/** Sets the field, whatever the request has there. Throws INVALID_REQUEST when there are several texts for one value. */
export function applyTexts(request: JsonObject, { keys, field }: Parameter, texts: readonly string[]): void {
  const isList = field.label === 'list';
  if (!isList && texts.length > 1) throw invalidField(keys.join('.'), 'may be given once only');
  const values = texts.map((text) => valueOf(field, text));
  objectAt(request, keys.slice(0, -1))[field.jsonName] = isList ? values : values[0];
}

function objectAt(request: JsonObject, keys: readonly string[]): JsonObject {
  let at = request;
  for (const key of keys) {
    const next = at[key];
    const inner = isObject(next) ? next : {};
    at[key] = inner;
    at = inner;
  }
  return at;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function valueOf({ type }: FieldDescriptor, text: string): unknown {
  switch (type) {
    case 'bool':
      // A name alone is a yes: `?stale`.
      if (text === '' || text === '1' || text.toLowerCase() === 'true') return true;
      return text === '0' || text.toLowerCase() === 'false' ? false : text;
    case 'int32':
    case 'uint32':
    case 'double':
    case 'enum':
      return NUMBER.test(text) ? Number(text) : text;
    case 'int64':
    case 'uint64':
    case 'string':
    case 'bytes':
    case 'message':
      return text;
  }
}
