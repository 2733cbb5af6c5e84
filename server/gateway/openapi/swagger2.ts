/**
 * An OpenAPI document in the older form, Swagger 2.0, which Armada publishes and
 * many generators still want. What that form cannot say is left out, or said in
 * words.
 */
import type { OpenApiDocument } from './document.ts';
import type { Answer, Body, Operation, Parameter } from './operations.ts';
import type { Schema } from './schemas.ts';

/** A value that JSON.stringify takes, of a form that is not looked into again. */
type Json = Readonly<Record<string, unknown>>;

/**
 * What messages are called in Armada's own document: the last two parts of the
 * full name, `apiQueue` or `v1PodSpec`.
 */
export function armadaName(typeName: string): string {
  return typeName.split('.').slice(-2).join('');
}

/** What that document calls the schemas that are no messages. */
const errorNames = new Map([
  ['Error', 'runtimeError'],
  ['ErrorDetail', 'protobufAny'],
  ['Fault', 'runtimeFault'],
  ['StreamError', 'runtimeStreamError'],
]);

/** @param document made with armadaName */
export function toSwagger2(document: OpenApiDocument): Json {
  const { info, tags, paths, security, components } = document;
  const { license, ...about } = info;
  return {
    swagger: '2.0',
    info: { ...about, license: { name: license.name } },
    consumes: ['application/json'],
    produces: ['application/json'],
    tags,
    paths: mapped(paths, (operations) => mapped(operations, operationIn2)),
    definitions: Object.fromEntries(
      Object.entries(components.schemas).map(([name, schema]) => [definitionName(name), schemaIn2(schema)]),
    ),
    responses: mapped(components.responses, answerIn2),
    // It knows no tokens but as an API key, and no calls without credentials but by an empty requirement.
    securityDefinitions: mapped(components.securitySchemes, ({ scheme, description }) =>
      scheme === 'basic'
        ? { type: 'basic', description }
        : {
            type: 'apiKey',
            in: 'header',
            name: 'Authorization',
            description: `${description} Write \`${scheme === 'bearer' ? 'Bearer' : 'Negotiate'} \` before it.`,
          },
    ),
    security,
  };
}

function operationIn2(operation: Operation): Json {
  const { parameters = [], requestBody, responses, ...rest } = operation;
  const all = [...parameters.map(parameterIn2), ...(requestBody ? [bodyIn2(requestBody)] : [])];
  const forms = Object.keys(responses['200'].content ?? {});
  return {
    ...rest,
    ...(all.length > 0 && { parameters: all }),
    ...(forms.join() !== 'application/json' && { produces: forms }),
    responses: mapped(responses, (answer) =>
      '$ref' in answer ? { $ref: referenceIn2(answer.$ref) } : answerIn2(answer),
    ),
  };
}

/** A parameter says of itself what elsewhere its schema says; what is no scalar is text there, and lists are given by repeating it. */
function parameterIn2({ schema, ...said }: Parameter): Json {
  const parameter = inWords(said);
  const { type, format, items } = schema;
  const shape = { type: typeof type === 'string' ? type : 'string', ...(format !== undefined && { format }) };
  const list = items && { items: parameterIn2({ name: '', in: 'query', schema: items }) };
  return { ...parameter, ...shape, ...(list && { ...list, collectionFormat: 'multi' }) };
}

/** Only JSON can be described, and one example of it. */
function bodyIn2({ content, description, required }: Body): Json {
  const json = content['application/json'];
  const schema = json === undefined ? {} : schemaIn2(json.schema);
  return { name: 'body', in: 'body', ...(description !== undefined && { description }), required, schema };
}

/** One schema for all forms: that of the first, which is the one that is sent to who asks for none. */
function answerIn2({ description, content = {} }: Answer): Json {
  const [first] = Object.entries(content);
  if (first === undefined) return { description };
  const [form, { schema, example }] = first;
  return {
    description,
    schema: schemaIn2(schema),
    ...(example !== undefined && { examples: { [form]: example } }),
  };
}

/** One type each, and no null: the first of several is the one that is written. */
function schemaIn2(schema: Schema): Json {
  const { $ref, type, anyOf, items, properties, additionalProperties, examples, ...said } = schema;
  const rest = inWords(said);
  const only = anyOf?.find((each) => each.type !== 'null');
  if (only) return { ...schemaIn2(only), ...rest };
  if ($ref !== undefined) return { $ref: referenceIn2($ref), ...rest };
  return {
    ...(type !== undefined && { type: typeof type === 'string' ? type : type[0] }),
    ...rest,
    ...(examples && { example: examples[0] }),
    ...(items && { items: schemaIn2(items) }),
    ...(properties && { properties: mapped(properties, schemaIn2) }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === 'boolean' ? additionalProperties : schemaIn2(additionalProperties),
    }),
  };
}

/** Only operations can be marked as deprecated. */
function inWords<Said extends { description?: string; deprecated?: boolean }>({
  deprecated,
  ...rest
}: Said): Omit<Said, 'deprecated'> {
  if (deprecated !== true) return rest;
  return { ...rest, description: ['Deprecated.', rest.description ?? ''].join(' ').trim() };
}

function referenceIn2(reference: string): string {
  const [, , kind, name = ''] = reference.split('/');
  return kind === 'responses' ? `#/responses/${name}` : `#/definitions/${definitionName(name)}`;
}

function definitionName(name: string): string {
  return errorNames.get(name) ?? name;
}

function mapped<Value, Result>(
  values: Readonly<Record<string, Value>>,
  map: (value: Value) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
}
