// Whether the protos tell a reader something. Their comments become the texts
// of the API's reference, so a missing one is a hole in it, and one that only
// says the name again is a hole with a lid on.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bufCommand, copyProtos, root, run } from './proto-copy.ts';

type Kind = 'file' | 'message' | 'field' | 'oneof' | 'enum' | 'enum value' | 'service' | 'rpc';

/** Something that can carry a comment. */
interface Declaration {
  kind: Kind;
  /** As declared, without its parents; a file's path. */
  name: string;
  file: string;
  /** Empty when there is none. */
  comment: string;
}

/** What nests in what: key and number of the list in descriptor.proto, and the kind of its elements. */
const children: Partial<Record<Kind, [key: string, number: number, kind: Kind][]>> = {
  file: [
    ['messageType', 4, 'message'],
    ['enumType', 5, 'enum'],
    ['service', 6, 'service'],
  ],
  message: [
    ['field', 2, 'field'],
    ['nestedType', 3, 'message'],
    ['enumType', 4, 'enum'],
    ['oneofDecl', 8, 'oneof'],
  ],
  enum: [['value', 2, 'enum value']],
  service: [['method', 2, 'rpc']],
};

/** Number of the syntax line in descriptor.proto: the comment above it is the file's. */
const SYNTAX = '12';

const needComment = new Set<Kind>(['file', 'message', 'enum', 'service', 'rpc']);
const fillers = new Set([
  'a',
  'an',
  'and',
  'are',
  'for',
  'in',
  'is',
  'its',
  'of',
  'that',
  'the',
  'this',
  'to',
]);

/** A message of descriptor.proto in its JSON form, as far as it is read here. */
interface Descriptor {
  name: string;
  options?: { mapEntry?: boolean };
  sourceCodeInfo?: { location: { path?: number[]; leadingComments?: string; trailingComments?: string }[] };
}

/** Everything that the protos of a checkout declare; imported packages of others are left out. */
function declarationsIn(directory: string): Declaration[] {
  const built = run(directory, bufCommand, 'build', '--as-file-descriptor-set', '--output', '-#format=json');
  assert.equal(built.status, 0, built.output);
  const files = (JSON.parse(built.output) as { file: Descriptor[] }).file;
  return files.filter(({ name }) => existsSync(join(directory, 'api/proto', name))).flatMap(declarationsOf);
}

function declarationsOf(file: Descriptor): Declaration[] {
  const comments = new Map<string, string>();
  for (const { path = [], leadingComments = '', trailingComments = '' } of file.sourceCodeInfo?.location ??
    []) {
    comments.set(path.join('.'), `${leadingComments}${trailingComments}`.trim());
  }
  const found: Declaration[] = [];
  const visit = (declared: Descriptor, kind: Kind, path: string) => {
    // A map is compiled to a message that nobody wrote.
    if (declared.options?.mapEntry) return;
    const comment = comments.get(kind === 'file' ? SYNTAX : path) ?? '';
    found.push({ kind, name: declared.name, file: file.name, comment });
    for (const [key, number, childKind] of children[kind] ?? []) {
      const listed = (declared as unknown as Record<string, Descriptor[] | undefined>)[key] ?? [];
      for (const [index, child] of listed.entries()) {
        visit(child, childKind, [...(path ? [path] : []), number, index].join('.'));
      }
    }
  };
  visit(file, 'file', '');
  return found;
}

function faultsOf({ kind, name, file, comment }: Declaration): string[] {
  if (comment === '') return needComment.has(kind) ? [`${file}: ${kind} ${name} has no comment`] : [];
  const own = new Set(wordsOf(name));
  const telling = wordsOf(comment).some((word) => !own.has(word));
  return telling ? [] : [`${file}: the comment of ${kind} ${name} only says its name again`];
}

/** In lower case, without fillers and plural s, camelCase and snake_case taken apart. */
function wordsOf(text: string): string[] {
  const apart = text.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, ' ').toLowerCase();
  const words = apart.match(/[a-z0-9]+/g) ?? [];
  return words.filter((word) => !fillers.has(word)).map((word) => word.replace(/(?<=..)s$/, ''));
}

test('every file, message, enum, service and rpc has a comment, and none only says a name again', () => {
  const found = declarationsIn(root);
  assert.deepEqual(found.flatMap(faultsOf), []);

  const files = found.filter(({ kind }) => kind === 'file').map(({ name }) => name);
  const onDisk = readdirSync(join(root, 'api/proto'), { recursive: true, encoding: 'utf8' });
  assert.deepEqual(files.toSorted(), onDisk.filter((path) => path.endsWith('.proto')).toSorted());
  const commented = new Set(found.filter(({ comment }) => comment !== '').map(({ kind }) => kind));
  assert.equal(commented.size, 8, 'comments of every kind are seen');
});

test('the comment check finds what has no comment and what only repeats its name', (t) => {
  const copy = copyProtos(t);
  const faulty = `syntax = "proto3";
package faulty.v1;

message Silent {
  // The values of this map.
  map<string, string> map_value = 1;
  // Says something.
  string said = 2;
  string unsaid = 3;
  // The inner enum.
  enum InnerEnum {
    // Is unspecified.
    INNER_ENUM_UNSPECIFIED = 0;
  }
}
// A parrot service!
service ParrotService {
  rpc Mute(Silent) returns (Silent);
}
`;
  mkdirSync(join(copy, 'api/proto/faulty/v1'), { recursive: true });
  writeFileSync(join(copy, 'api/proto/faulty/v1/faulty.proto'), faulty);
  const faults = [
    'file faulty/v1/faulty.proto has no comment',
    'message Silent has no comment',
    'the comment of field map_value only says its name again',
    'the comment of enum InnerEnum only says its name again',
    'the comment of enum value INNER_ENUM_UNSPECIFIED only says its name again',
    'the comment of service ParrotService only says its name again',
    'rpc Mute has no comment',
  ];
  assert.deepEqual(
    declarationsIn(copy).flatMap(faultsOf),
    faults.map((fault) => `faulty/v1/faulty.proto: ${fault}`),
  );
});
