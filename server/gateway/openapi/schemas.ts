/**
 * Messages as JSON schemas, from the same tables that the JSON codec works from,
 * so that what is described is what is written. Nothing is required of a
 * message: empty values are left out by writers and filled in by readers.
 */
import { isDeprecated } from '@armada-ts/api/comments';
import {
  describeEnum,
  describeMessage,
  type FieldDescriptor,
  type ScalarType,
} from '@armada-ts/api/descriptors';
import { textOf } from './wording.ts';

/** A schema of JSON Schema 2020-12, as far as messages need it. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly deprecated?: boolean;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly pattern?: string;
  readonly examples?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly maxProperties?: number;
  readonly additionalProperties?: Schema | boolean;
}

const scalars: Record<ScalarType, Schema> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  bytes: { type: 'string', format: 'byte' },
  double: { type: 'number', format: 'double' },
  int32: { type: 'integer', format: 'int32' },
  // Beyond what int32 holds, and the formats of Swagger 2.0 know no unsigned ones.
  uint32: { type: 'integer', format: 'int64', minimum: 0 },
  int64: { type: 'integer', format: 'int64' },
  uint64: { type: 'integer', format: 'int64', minimum: 0 },
};

const KUBERNETES_TIME = 'k8s.io.apimachinery.pkg.apis.meta.v1.Time';

/** The messages whose JSON is not an object of their fields; api/json/own-forms.ts reads and writes them. */
const ownForms: Readonly<Record<string, Schema>> = {
  'google.protobuf.Empty': { type: 'object', description: 'Nothing to tell.' },
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Duration': { type: 'string', pattern: '^-?\\d+(\\.\\d{1,9})?s$', examples: ['1.5s'] },
  [KUBERNETES_TIME]: { type: 'string', format: 'date-time' },
  'k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1': { type: 'object', additionalProperties: true },
  'k8s.io.apimachinery.pkg.api.resource.Quantity': {
    type: ['string', 'number'],
    examples: ['500m', '1.5Gi'],
  },
  'k8s.io.apimachinery.pkg.util.intstr.IntOrString': {
    type: ['integer', 'string'],
    examples: [8080, 'http'],
  },
};

/** The messages and enums that a document refers to. */
export interface SchemaCollection {
  /** What a type is called in the document, from its full name. */
  readonly nameOf: (typeName: string) => string;
  /** By name. */
  readonly schemas: Map<string, Schema>;
  /** Whose names these are. */
  readonly typeNames: Map<string, string>;
}

export function createSchemas(nameOf: (typeName: string) => string): SchemaCollection {
  return { nameOf, schemas: new Map(), typeNames: new Map() };
}

/**
 * Refers to a message, whose schema is then in the collection with those of all
 * that it holds. Throws TypeError when two types get the same name.
 */
export function messageSchema(collection: SchemaCollection, typeName: string): Schema {
  const form = ownForms[typeName];
  // Times of protocol buffers need no words; those of Kubernetes have some.
  if (form?.type === 'string' && typeName.startsWith('google.')) return form;
  return referTo(collection, typeName, () => form ?? objectSchema(collection, typeName));
}

/** What a field holds, with its comment. */
export function fieldSchema(collection: SchemaCollection, typeName: string, field: FieldDescriptor): Schema {
  const fullName = `${typeName}.${field.protoName}`;
  return {
    ...shapeOf(collection, field),
    ...describedAs(textOf(fullName)),
    ...(isDeprecated(fullName) && { deprecated: true }),
  };
}

/** One level of a message: the fields that are keys of its object, by key. */
function propertiesOf(collection: SchemaCollection, typeName: string): Record<string, Schema> {
  const { fields, wrappingKeys } = describeMessage(typeName);
  const properties: Record<string, Schema> = {};
  for (const field of fields) {
    const wrappingKey = field.oneof === undefined ? undefined : wrappingKeys[field.oneof];
    if (wrappingKey !== undefined) properties[wrappingKey] ??= wrapped(collection, typeName, field.oneof);
    else if (field.inline) Object.assign(properties, propertiesOf(collection, field.typeName));
    else properties[field.jsonName] = fieldSchema(collection, typeName, field);
  }
  return properties;
}

/** The same for what is made of a type and has a name of its own. */
export function derivedSchema(
  collection: SchemaCollection,
  typeName: string,
  { suffix, schema }: { suffix: string; schema: Schema },
): Schema {
  return register(
    collection,
    { name: collection.nameOf(typeName) + suffix, owner: typeName + suffix },
    () => schema,
  );
}

function referTo(collection: SchemaCollection, typeName: string, make: () => Schema): Schema {
  return register(collection, { name: collection.nameOf(typeName), owner: typeName }, () => {
    const schema = make();
    const text = [textOf(typeName), schema.description ?? ''].filter((part) => part !== '').join('\n\n');
    return { ...schema, ...describedAs(text) };
  });
}

/** Makes the schema unless it is there, or is being made. */
function register(
  { schemas, typeNames }: SchemaCollection,
  { name, owner }: { name: string; owner: string },
  make: () => Schema,
): Schema {
  const known = typeNames.get(name);
  if (known === undefined) {
    typeNames.set(name, owner);
    schemas.set(name, make());
  } else if (known !== owner) {
    throw new TypeError(`${known} and ${owner} are both called ${name}`);
  }
  return { $ref: `#/components/schemas/${name}` };
}

function objectSchema(collection: SchemaCollection, typeName: string): Schema {
  const { fields, wrappingKeys } = describeMessage(typeName);
  const oneof = fields[0]?.oneof;
  const isChoice =
    oneof !== undefined && !(oneof in wrappingKeys) && fields.every((each) => each.oneof === oneof);
  const properties = propertiesOf(collection, typeName);
  return { type: 'object', ...(isChoice && { maxProperties: 1 }), properties };
}

/** The members of a oneof in an object of their own. */
function wrapped(collection: SchemaCollection, typeName: string, oneof: string | undefined): Schema {
  const members = describeMessage(typeName).fields.filter((field) => field.oneof === oneof);
  const properties = members.map(
    (field) => [field.jsonName, fieldSchema(collection, typeName, field)] as const,
  );
  return { type: 'object', maxProperties: 1, properties: Object.fromEntries(properties) };
}

function shapeOf(collection: SchemaCollection, field: FieldDescriptor): Schema {
  const value = valueShape(collection, field);
  if (field.label === 'list') return { type: 'array', items: value };
  if (field.label === 'map') return { type: 'object', additionalProperties: value };
  return mayBeNull(field) ? orNull(value) : value;
}

function valueShape(collection: SchemaCollection, { type, typeName }: FieldDescriptor): Schema {
  if (type === 'message') return messageSchema(collection, typeName);
  if (type === 'enum') return referTo(collection, typeName, () => enumSchema(typeName));
  return scalars[type];
}

/** Whether null is written where nothing is set. */
function mayBeNull({ keepEmpty, label, presence, typeName }: FieldDescriptor): boolean {
  return keepEmpty && label === 'single' && (presence === 'nullable' || typeName === KUBERNETES_TIME);
}

function orNull(schema: Schema): Schema {
  if (typeof schema.type === 'string') return { ...schema, type: [schema.type, 'null'] };
  return { anyOf: [schema, { type: 'null' }] };
}

/** Names, which is how enums are written; numbers are read, too. What each value means stands in a list. */
function enumSchema(typeName: string): Schema {
  const values = describeEnum(typeName);
  const lines = values.flatMap(({ name, shortName }) => {
    const text = textOf(`${typeName}.${name}`);
    return text === '' ? [] : [`- \`${shortName}\`: ${text}`];
  });
  return { type: 'string', enum: values.map(({ shortName }) => shortName), ...describedAs(lines.join('\n')) };
}

function describedAs(text: string): Pick<Schema, 'description'> {
  return text === '' ? {} : { description: text };
}
