/** What OpenAPI calls an operation: one route of a method, with its parameters, body and answers. */
import { isDeprecated } from '@armada-ts/api/comments';
import { describeMessage, type FieldDescriptor } from '@armada-ts/api/descriptors';
import type { Route } from '@armada-ts/api/routes';
import { ANSWER_ADDITIONS } from '../rest/older-forms.ts';
import { parseTemplate } from '../rest/template.ts';
import { ERROR_RESPONSES, STREAM_ERROR } from './answers.ts';
import { exampleOf } from './examples.ts';
import { derivedSchema, fieldSchema, messageSchema, type Schema, type SchemaCollection } from './schemas.ts';
import { summaryOf, textOf } from './wording.ts';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly description?: string;
  readonly required?: boolean;
  readonly deprecated?: boolean;
  readonly schema: Schema;
}

export interface Content {
  readonly schema: Schema;
  readonly example?: unknown;
}

export interface Body {
  readonly description?: string;
  readonly required?: boolean;
  readonly content: Readonly<Record<string, Content>>;
}

export interface Answer {
  readonly description: string;
  readonly content?: Readonly<Record<string, Content>>;
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly deprecated?: boolean;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Body;
  /** Where it differs from that of the document; empty for no credentials. */
  readonly security?: readonly [];
  readonly responses: { readonly '200': Answer } & Readonly<
    Record<string, Answer | { readonly $ref: string }>
  >;
}

/** A route that is served, with what the document must know besides. */
export interface ServedRoute {
  readonly route: Route;
  readonly streams: boolean;
  /** Counts the routes of the method: the first is 1. */
  readonly ordinal: number;
}

export function operationOf(collection: SchemaCollection, served: ServedRoute): Operation {
  const { route, ordinal } = served;
  const [, service = '', method = ''] = route.method.split('/');
  const fullName = `${service}.${method}`;
  const text = methodText(service, method);
  const parameters = parametersOf(collection, route);
  const body = bodyOf(collection, route);
  return {
    operationId: ordinal === 1 ? method : `${method}${ordinal}`,
    tags: [tagOf(service)],
    summary: summaryOf(text),
    description: text,
    ...(isDeprecated(fullName) && { deprecated: true }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: body }),
    responses: { '200': answerOf(collection, served), ...ERROR_RESPONSES },
  };
}

/** A comment that sends its readers to the same method of another service begins with what they would find there. */
function methodText(service: string, method: string): string {
  const text = textOf(`${service}.${method}`);
  const [, other, rest = ''] = /^[^.]*, as ([\w.]+) does\.\s*(.*)$/s.exec(text) ?? [];
  if (other === undefined) return text;
  return [textOf(`${other}.${method}`), rest].filter((part) => part !== '').join('\n\n');
}

/** A service goes by its last name. */
export function tagOf(service: string): string {
  return service.slice(service.lastIndexOf('.') + 1);
}

/** The path as OpenAPI writes it, its variables by their keys in JSON. */
export function pathOf({ template, request }: Route): string {
  return template.replaceAll(/\{([^}=]+)(?:=[^}]*)?\}/g, (_, field: string) => {
    return `{${keyOf(request, field)}}`;
  });
}

function keyOf(typeName: string, protoName: string): string {
  return fieldOf(typeName, protoName)?.jsonName ?? protoName;
}

function fieldOf(typeName: string, protoName: string): FieldDescriptor | undefined {
  return describeMessage(typeName).fields.find((field) => field.protoName === protoName);
}

function pathFields({ template }: Route): Set<string> {
  return new Set(parseTemplate(template).variables.map(({ field }) => field));
}

function parametersOf(collection: SchemaCollection, route: Route): Parameter[] {
  const { request, body } = route;
  const inPath = pathFields(route);
  const variables = [...inPath].map((protoName): Parameter => {
    const field = fieldOf(request, protoName);
    if (field === undefined) throw new TypeError(`${route.template}: ${request} has no field ${protoName}`);
    return { ...parameter(collection, request, field), in: 'path', required: true };
  });
  if (body === '*') return variables;
  const isTaken = (field: FieldDescriptor): boolean =>
    inPath.has(field.protoName) || field.protoName === body;
  const others = describeMessage(request).fields.filter((field) => !isTaken(field));
  return [...variables, ...others.flatMap((field) => queryParameters(collection, request, field))];
}

/** Fields of a message are parameters of their own, with a dot in their names; maps cannot be written so. */
function queryParameters(
  collection: SchemaCollection,
  typeName: string,
  field: FieldDescriptor,
): Parameter[] {
  if (field.label === 'map') return [];
  if (field.type !== 'message' || field.label === 'list') return [parameter(collection, typeName, field)];
  return describeMessage(field.typeName)
    .fields.flatMap((inner) => queryParameters(collection, field.typeName, inner))
    .map((inner) => ({ ...inner, name: `${field.jsonName}.${inner.name}` }));
}

function parameter(collection: SchemaCollection, typeName: string, field: FieldDescriptor): Parameter {
  const { description, deprecated, ...schema } = fieldSchema(collection, typeName, field);
  return {
    name: field.jsonName,
    in: 'query',
    ...(description !== undefined && { description }),
    ...(deprecated !== undefined && { deprecated }),
    schema,
  };
}

/** Undefined where there is no body, or all that it could say is in the path. */
function bodyOf(collection: SchemaCollection, route: Route): Body | undefined {
  const { request, body, method } = route;
  const inPath = pathFields(route);
  if (body === '') return undefined;
  if (body === '*' && describeMessage(request).fields.every(({ protoName }) => inPath.has(protoName))) {
    return undefined;
  }
  const part = body === '*' ? undefined : fieldOf(request, body);
  const schema = part ? fieldSchema(collection, request, part) : messageSchema(collection, request);
  const example = exampleOf(method)?.request;
  return {
    ...(inPath.size > 0 && {
      description: 'What is in the path need not be in the body, and counts if it is in both.',
    }),
    required: true,
    content: { 'application/json': { schema, ...(example !== undefined && { example }) } },
  };
}

function answerOf(collection: SchemaCollection, { route, streams }: ServedRoute): Answer {
  const { response, responseBody, method } = route;
  const part = responseBody === '' ? undefined : fieldOf(response, responseBody);
  const schema = part ? fieldSchema(collection, response, part) : messageSchema(collection, response);
  const example = exampleOf(method)?.response;
  if (streams) return streamedAnswer(lineSchema(collection, response, schema), example);
  return {
    description: (textOf(response) || 'Done; there is nothing to tell.') + additionText(method),
    content: { 'application/json': { schema, ...(example !== undefined && { example }) } },
  };
}

/** Some answers have more in them than their message, for programs of 2021. */
function additionText(method: string): string {
  const [, , other] = ANSWER_ADDITIONS[method]?.split('/') ?? [];
  return other === undefined ? '' : ` It also has what ${other} answers, for whoever may ask that.`;
}

function lineSchema(collection: SchemaCollection, typeName: string, result: Schema): Schema {
  const schema: Schema = {
    type: 'object',
    description: 'One line of a stream: the next message, or, on the last line, what broke the stream.',
    maxProperties: 1,
    properties: { result, error: STREAM_ERROR },
  };
  return derivedSchema(collection, typeName, { suffix: 'Line', schema });
}

/** @param line schema of each */
function streamedAnswer(line: Schema, example: unknown): Answer {
  return {
    description:
      'A stream of JSON objects, one on each line, sent as they come. Whoever accepts `text/event-stream` gets them as server-sent events.',
    content: {
      'application/json': { schema: line, ...(example !== undefined && { example: { result: example } }) },
      'text/event-stream': { schema: { type: 'string' } },
    },
  };
}
