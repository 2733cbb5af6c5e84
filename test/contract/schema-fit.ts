/**
 * JSON and the schemas that describe it: whether a value fits, and values made
 * at random that do. Only what our documents say is known here; a key without a
 * place in the schema is a fault, though JSON Schema would let it pass.
 */
import type { Schema } from '@armada-ts/server/gateway/openapi/schemas';
import fc from 'fast-check';

export type Schemas = Readonly<Record<string, Schema>>;

/** Paths that do not fit, with what was expected there; none for a value that fits. */
export function misfits(schemas: Schemas, schema: Schema, json: unknown, path = '$'): string[] {
  const { $ref, anyOf, type, items, properties, maxProperties, additionalProperties } = schema;
  if ($ref !== undefined) return misfits(schemas, named(schemas, $ref), json, path);
  if (anyOf) {
    const fitting = anyOf.some((each) => misfits(schemas, each, json, path).length === 0);
    return fitting ? [] : [`${path}: none of ${JSON.stringify(anyOf)}`];
  }
  const types = [type ?? []].flat();
  if (!types.some((each) => isOfType(each, json)))
    return [`${path}: ${JSON.stringify(json)} is not ${types.join(' or ')}`];
  if (Array.isArray(json)) {
    return json.flatMap((item, at) => misfits(schemas, items ?? {}, item, `${path}[${at}]`));
  }
  if (typeof json === 'object' && json !== null) {
    const members = Object.entries(json);
    if (members.length > (maxProperties ?? members.length))
      return [`${path}: more than ${maxProperties} keys`];
    return members.flatMap(([key, value]) => {
      const inner = properties && Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
      if (inner === true) return [];
      return inner ? misfits(schemas, inner, value, `${path}.${key}`) : [`${path}.${key}: an unknown key`];
    });
  }
  return scalarMisfits(schema, json, path);
}

function scalarMisfits(
  { enum: values, minimum, pattern, format }: Schema,
  json: unknown,
  path: string,
): string[] {
  const faults: string[] = [];
  if (values && !values.includes(json as string))
    faults.push(`${path}: ${String(json)} is not among the values`);
  if (minimum !== undefined && Number(json) < minimum) faults.push(`${path}: ${String(json)} is too small`);
  if (pattern !== undefined && !new RegExp(pattern).test(String(json)))
    faults.push(`${path}: not ${pattern}`);
  if (format === 'date-time' && Number.isNaN(Date.parse(String(json)))) faults.push(`${path}: no time`);
  return faults;
}

function isOfType(type: string, json: unknown): boolean {
  switch (type) {
    case 'null':
      return json === null;
    case 'array':
      return Array.isArray(json);
    case 'object':
      return typeof json === 'object' && json !== null && !Array.isArray(json);
    case 'integer':
      return Number.isSafeInteger(json);
    default:
      return typeof json === type;
  }
}

function named(schemas: Schemas, reference: string): Schema {
  const schema = schemas[reference.slice(reference.lastIndexOf('/') + 1)];
  if (!schema) throw new TypeError(`nothing is called ${reference}`);
  return schema;
}

/** Values that fit, not very deep. */
export function arbitraryJson(schemas: Schemas, schema: Schema, levels = 3): fc.Arbitrary<unknown> {
  const { $ref, anyOf, type, items, properties, additionalProperties } = schema;
  if ($ref !== undefined) return arbitraryJson(schemas, named(schemas, $ref), levels);
  if (anyOf) return fc.oneof(...anyOf.map((each) => arbitraryJson(schemas, each, levels)));
  const types = [type ?? []].flat();
  if (types.length > 1) {
    return fc.oneof(...types.map((each) => arbitraryJson(schemas, { ...schema, type: each }, levels)));
  }
  if (types[0] === 'array') {
    return fc.array(arbitraryJson(schemas, items ?? {}, levels), { maxLength: levels > 0 ? 2 : 0 });
  }
  if (types[0] !== 'object') return arbitraryScalar(types[0] ?? '', schema);
  if (additionalProperties === true)
    return fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 2 });
  if (additionalProperties) {
    // Some maps have whole numbers as their keys.
    const keys = fc.integer({ min: 0, max: 100 }).map(String);
    return fc.dictionary(keys, arbitraryJson(schemas, additionalProperties, levels - 1), { maxKeys: 2 });
  }
  if (levels === 0) return fc.constant({});
  const members = Object.entries(properties ?? {}).map(
    ([key, value]) => [key, arbitraryJson(schemas, value, levels - 1)] as const,
  );
  if (schema.maxProperties === 1) {
    return fc.oneof(...members.map(([key, value]) => value.map((made) => ({ [key]: made }))));
  }
  return fc.record(Object.fromEntries(members), { requiredKeys: [] });
}

function arbitraryScalar(
  type: string,
  { enum: values, minimum, pattern, format, examples }: Schema,
): fc.Arbitrary<unknown> {
  if (values) return fc.constantFrom(...values);
  if (type === 'null') return fc.constant(null);
  if (type === 'boolean') return fc.boolean();
  if (type === 'integer') return fc.integer({ min: minimum ?? -(2 ** 31) });
  if (type === 'number') return fc.integer({ min: 0, max: 1000 });
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern), { maxLength: 8 });
  if (format === 'date-time')
    return fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
      .map((date) => date.toISOString());
  if (format === 'byte')
    return fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString('base64'));
  // Of a text in a form of its own, the examples tell what it looks like.
  const texts = (examples ?? []).filter((each) => typeof each === 'string');
  return texts.length > 0 ? fc.constantFrom(...texts) : fc.string({ maxLength: 5 });
}
