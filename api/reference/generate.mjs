// Writes the comments of the protos to api/generated/reference/comments.ts, for
// the reference of the API that is made of them. They are loaded only when that
// is asked for.
//
// Run by set-up after `buf build`, on any Node from 20, hence plain JavaScript.
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const generated = join(import.meta.dirname, '..', 'generated');
const set = fromBinary(FileDescriptorSetSchema, readFileSync(join(generated, 'descriptors.binpb')));

/** Not in the reference: the options and well-known types of protocol buffers. */
const foreign = /^(?:google\.|armada\.json\.)/;

mkdirSync(join(generated, 'reference'), { recursive: true });
writeFileSync(join(generated, 'reference', 'comments.ts'), commentsModule());

function commentsModule() {
  const comments = new Map();
  const deprecated = [];
  for (const file of set.file) {
    if (foreign.test(`${file.package}.`)) continue;
    const source = sourceComments(file);
    for (const { name, path, isDeprecated } of declarations(file)) {
      const comment = source.get(path.join('.'));
      if (comment) comments.set(name, comment);
      if (isDeprecated) deprecated.push(name);
    }
  }
  const rows = [...comments].map(([name, text]) => `  '${name}': ${quoted(text)},\n`);
  return `// Made by api/reference/generate.mjs; not committed.

/** Comments of services, methods, messages, fields, oneofs, enums and their values, by full name. */
export const comments: Readonly<Record<string, string>> = {
${rows.join('')}};

/** Full names of what is deprecated. */
export const deprecated: readonly string[] = ${JSON.stringify(deprecated)};
`;
}

/** Text by path; paragraphs stay apart, the lines of each are joined unless they are a list. */
function sourceComments(file) {
  const texts = new Map();
  for (const { path, leadingComments, trailingComments } of file.sourceCodeInfo?.location ?? []) {
    const text = `${leadingComments}${trailingComments}`.replaceAll(/^ /gm, '').trim();
    if (text) texts.set(path.join('.'), text.replaceAll(/(?<!\n)\n(?!\n|- |\d+\. )/g, ' '));
  }
  return texts;
}

/** Everything in a file that may have a comment, by the path that descriptor.proto gives it. */
function* declarations(file) {
  const prefix = file.package ? `${file.package}.` : '';
  for (const [at, service] of file.service.entries()) {
    const name = prefix + service.name;
    yield declared(name, [6, at], service);
    for (const [index, method] of service.method.entries()) {
      yield declared(`${name}.${method.name}`, [6, at, 2, index], method);
    }
  }
  for (const [at, message] of file.messageType.entries()) yield* inMessage(message, prefix, [4, at]);
  for (const [at, each] of file.enumType.entries()) yield* inEnum(each, prefix, [5, at]);
}

function* inMessage(message, prefix, path) {
  const name = prefix + message.name;
  yield declared(name, path, message);
  for (const [at, field] of message.field.entries()) {
    yield declared(`${name}.${field.name}`, [...path, 2, at], field);
  }
  for (const [at, oneof] of message.oneofDecl.entries()) {
    yield declared(`${name}.${oneof.name}`, [...path, 8, at], oneof);
  }
  for (const [at, nested] of message.nestedType.entries())
    yield* inMessage(nested, `${name}.`, [...path, 3, at]);
  for (const [at, nested] of message.enumType.entries()) yield* inEnum(nested, `${name}.`, [...path, 4, at]);
}

function* inEnum(described, prefix, path) {
  const name = prefix + described.name;
  yield declared(name, path, described);
  for (const [at, value] of described.value.entries()) {
    yield declared(`${name}.${value.name}`, [...path, 2, at], value);
  }
}

function declared(name, path, { options }) {
  return { name, path, isDeprecated: options?.deprecated === true };
}

function quoted(text) {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`;
}
