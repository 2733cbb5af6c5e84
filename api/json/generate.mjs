// Writes the compact form of the descriptors that the JSON codec works from.
// The full descriptor set takes longer to parse than armadactl may take to
// start; this one is a module whose rows are parsed when first asked for.
//
//   api/generated/json/schema.ts         what each message and enum looks like
//   api/generated/json/message-types.ts  type names -> TypeScript types, for the
//                                        compiler only, never loaded
//   api/generated/json/routes.ts         what google.api.http says of each method
//   api/generated/es/services.ts         the descriptors of each service for libraries of
//                                        protobuf-es, loaded when first asked for
//
// Run by set-up after `buf build`, on any Node from 20, hence plain JavaScript.
import { createFileRegistry, fromBinary, getOption, ScalarType } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const generated = join(import.meta.dirname, '..', 'generated');
const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, readFileSync(join(generated, 'descriptors.binpb'))),
);

const option = {
  inline: optionReader('inline'),
  keepEmpty: optionReader('keep_empty'),
  nullable: optionReader('nullable'),
  wrappingKey: optionReader('wrapping_key'),
};

/** Of the packages that describe protos and not calls, only what messages of the contract hold. */
const wellKnown = new Set(['Any', 'Duration', 'Empty', 'Timestamp'].map((name) => `google.protobuf.${name}`));
const leftOut = ['google.protobuf', 'google.api', 'armada.json.v1'];

/** Names that differ in JSON without an option to say so, because the proto is not ours. */
const jsonNames = new Map([['google.protobuf.Any.type_url', 'type_url']]);

const scalars = new Map([
  [ScalarType.STRING, { type: 'string', empty: "''" }],
  [ScalarType.BOOL, { type: 'bool', empty: 'false' }],
  [ScalarType.BYTES, { type: 'bytes', empty: 'Buffer.alloc(0)' }],
  [ScalarType.DOUBLE, { type: 'double', empty: '0' }],
  [ScalarType.INT32, { type: 'int32', empty: '0' }],
  [ScalarType.SINT32, { type: 'int32', empty: '0' }],
  [ScalarType.SFIXED32, { type: 'int32', empty: '0' }],
  [ScalarType.UINT32, { type: 'uint32', empty: '0' }],
  [ScalarType.FIXED32, { type: 'uint32', empty: '0' }],
  [ScalarType.INT64, { type: 'int64', empty: '0n' }],
  [ScalarType.SINT64, { type: 'int64', empty: '0n' }],
  [ScalarType.SFIXED64, { type: 'int64', empty: '0n' }],
  [ScalarType.UINT64, { type: 'uint64', empty: '0n' }],
  [ScalarType.FIXED64, { type: 'uint64', empty: '0n' }],
]);

const mapKeys = new Map([
  [ScalarType.STRING, 'string'],
  [ScalarType.INT32, 'int32'],
]);

const messages = [...registry]
  .filter((type) => type.kind === 'message')
  .filter((type) => wellKnown.has(type.typeName) || !leftOut.includes(type.file.proto.package))
  .sort((a, b) => (a.typeName < b.typeName ? -1 : 1));
const enums = new Map();
for (const { fields } of messages) {
  for (const field of fields) if (field.enum) enums.set(field.enum.typeName, field.enum);
}

mkdirSync(join(generated, 'json'), { recursive: true });
writeFileSync(join(generated, 'json', 'schema.ts'), schemaModule());
writeFileSync(join(generated, 'json', 'message-types.ts'), typesModule());
writeFileSync(join(generated, 'json', 'routes.ts'), routesModule());
writeFileSync(join(generated, 'es', 'services.ts'), servicesModule());

function optionReader(name) {
  const extension = registry.getExtension(`armada.json.v1.${name}`);
  if (!extension) throw new Error(`api/proto/armada/json/v1/options.proto has no option "${name}"`);
  return (described) => getOption(described, extension);
}

function schemaModule() {
  const empties = messages.map(
    (message) => `  '${message.typeName}': () => ({ ${emptyMembers(message)} }),\n`,
  );
  const rows = messages.map((message) => row(message.typeName, messageRow(message)));
  const names = [...enums.values()].map((each) => row(each.typeName, enumRow(each)));
  return `// Made by api/json/generate.mjs; not committed.

/** A message with nothing set, with the same members in the same order as the generated create(). */
export const emptyMessages: Readonly<Record<string, () => Record<string, unknown>>> = {
${empties.join('')}};

/** JSON texts, parsed on first use by api/json/descriptors.ts. */
export const messageRows: Readonly<Record<string, string>> = {
${rows.join('')}};

export const enumRows: Readonly<Record<string, string>> = {
${names.join('')}};
`;
}

function typesModule() {
  const files = [...new Set(messages.map((message) => message.file.name))].sort();
  const alias = (file) => `in_${file.replaceAll(/[^A-Za-z0-9]/g, '_')}`;
  const imports = files.map((file) => `import type * as ${alias(file)} from '../proto/${file}.ts';\n`);
  const entries = messages.map((message) => {
    const local = message.typeName.slice(message.file.proto.package.length + 1).replaceAll('.', '_');
    return `  '${message.typeName}': ${alias(message.file.name)}.${local};\n`;
  });
  return `// Made by api/json/generate.mjs; not committed.
${imports.join('')}
export interface MessageTypes {
${entries.join('')}}
`;
}

/** Every method with a rule, and its additional bindings each as a route of its own. */
function routesModule() {
  const http = registry.getExtension('google.api.http');
  if (!http) throw new Error('the descriptors do not know google.api.http');
  const rows = [...registry]
    .filter((type) => type.kind === 'service')
    .flatMap((service) => service.methods)
    .flatMap((method) => {
      const rule = getOption(method, http);
      const rules = rule.pattern.case === undefined ? [] : [rule, ...rule.additionalBindings];
      return rules.map((each) => routeRow(method, each));
    });
  return `// Made by api/json/generate.mjs; not committed.
import type { Route } from '../../json/routes.ts';

export const routeRows: readonly Route[] = ${JSON.stringify(rows, null, 2)};
`;
}

/** Loading them takes a while, as they bring everything that their messages hold. */
function servicesModule() {
  const loaders = [...registry]
    .filter((type) => type.kind === 'service')
    .map(
      ({ typeName, name, file }) =>
        `  '${typeName}': () => import('./${file.name}_pb.ts').then((module) => module.${name}),\n`,
    );
  return `// Made by api/json/generate.mjs; not committed.
import type { DescService } from '@bufbuild/protobuf';

/** By full name. */
export const services: Readonly<Record<string, () => Promise<DescService>>> = {
${loaders.join('')}};
`;
}

function routeRow(method, { pattern, body, responseBody }) {
  const isCustom = pattern.case === 'custom';
  return {
    method: `/${method.parent.typeName}/${method.name}`,
    verb: isCustom ? pattern.value.kind : pattern.case.toUpperCase(),
    template: isCustom ? pattern.value.path : pattern.value,
    body,
    responseBody,
    request: method.input.typeName,
    response: method.output.typeName,
  };
}

function row(name, value) {
  return `  '${name}': '${JSON.stringify(value).replaceAll('\\', '\\\\').replaceAll("'", "\\'")}',\n`;
}

/** ts-proto has one member for a oneof, where the first of its fields is declared. */
function emptyMembers(message) {
  const members = new Map();
  for (const field of message.fields) {
    members.set(field.oneof ? field.oneof.localName : field.localName, emptyValue(field));
  }
  return [...members, ['_unknownFields', '{}']].map(([name, value]) => `${name}: ${value}`).join(', ');
}

function emptyValue(field) {
  if (field.fieldKind === 'list') return '[]';
  if (field.fieldKind === 'map') return 'new Map()';
  if (field.oneof || field.fieldKind === 'message' || field.proto.proto3Optional) return 'undefined';
  return field.fieldKind === 'enum' ? '0' : scalarOf(field, field.scalar).empty;
}

/** Leaves out what has its usual value; api/json/descriptors.ts fills it in again. */
function messageRow(message) {
  const wrappingKeys = {};
  for (const oneof of message.oneofs) {
    const key = option.wrappingKey(oneof);
    if (key) wrappingKeys[oneof.localName] = key;
  }
  return {
    fields: message.fields.map(fieldRow),
    ...(Object.keys(wrappingKeys).length > 0 && { wrappingKeys }),
  };
}

function fieldRow(field) {
  const described = { name: field.localName };
  const jsonName = jsonNames.get(`${field.parent.typeName}.${field.name}`) ?? field.jsonName;
  if (jsonName !== field.localName) described.jsonName = jsonName;
  if (field.name !== field.localName) described.protoName = field.name;
  if (field.fieldKind === 'list' || field.fieldKind === 'map') described.label = field.fieldKind;
  if (field.fieldKind === 'map') {
    const key = mapKeys.get(field.mapKey);
    if (!key) throw new Error(`${field}: the codec has no such map keys yet`);
    if (key !== 'string') described.mapKey = key;
  }
  Object.assign(described, fieldType(field));
  if (field.oneof) described.oneof = field.oneof.localName;
  const presence = presenceOf(field);
  if (presence !== 'implicit') described.presence = presence;
  if (option.keepEmpty(field)) described.keepEmpty = true;
  if (option.inline(field)) described.inline = true;
  return described;
}

/**
 * Kubernetes marks every scalar optional, though only some distinguish unset
 * from zero; those bear an option.
 */
function presenceOf(field) {
  if (field.fieldKind === 'message') return option.nullable(field) ? 'nullable' : 'implicit';
  if (!field.proto.proto3Optional) return 'implicit';
  if (!field.parent.typeName.startsWith('k8s.io.')) return 'nullable';
  return option.nullable(field) ? 'nullable' : 'optional';
}

function fieldType(field) {
  if (field.message) return { type: 'message', typeName: field.message.typeName };
  if (field.enum) return { type: 'enum', typeName: field.enum.typeName };
  const { type } = scalarOf(field, field.scalar);
  return type === 'string' ? {} : { type };
}

function scalarOf(field, scalar) {
  const found = scalars.get(scalar);
  if (!found) throw new Error(`${field}: the codec has no such type yet`);
  return found;
}

/** Each value's number, name, and name without the enum's own prefix: RETRY_ACTION_FAIL is also Fail. */
function enumRow({ values, sharedPrefix }) {
  return values.map(({ number, name }) => {
    if (!sharedPrefix) return [number, name];
    const words = name.slice(sharedPrefix.length).toLowerCase().split('_');
    return [number, name, words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')];
  });
}
