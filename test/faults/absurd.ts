// Requests that nobody should send. A message is a list of fields with numbers
// and bytes here, so that it can be wrong in ways that no encoder allows.
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
} from '@armada-ts/api/google/protobuf/descriptor';
import type { Contract } from './contract.ts';
import type { Random } from './random.ts';

/** Deepest message that is made field by field. */
const MAX_DEPTH = 6;

/** Levels of a message that is nothing but deep. */
const NESTED_LEVELS = [50, 101, 5_000];

/** Names that look like something else somewhere, or are no text at all. */
const NAMES: readonly (string | Buffer)[] = [
  '',
  ' ',
  'a:b',
  '../x',
  '/',
  '.',
  '__proto__',
  'constructor',
  'toString',
  'a\nb',
  'a\0b',
  '\u202Egnp.exe',
  'İstanbul',
  '\u{1F4A9}',
  "'; DROP TABLE jobs; --",
  '%s%n',
  'x'.repeat(4096),
  'NaN',
  '-1',
  '1e999',
  Buffer.from([0xc3, 0x28]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xff, 0xfe, 0x00]),
];

const DOUBLES = [NaN, Infinity, -Infinity, -1, -0, 0.5, 1e300, 5e-324, 2 ** 53, 2 ** 63, 1];
const INTEGERS = [
  0n,
  1n,
  2n,
  3n,
  99n,
  -1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];

export interface Chances {
  contract: Contract;
  random: Random;
  /** Names that mean something to the server, so that not all is refused at the door. */
  known: readonly string[];
}

const Wire = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, fixed32: 5 } as const;

export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

function tag(number: number, wire: number): Buffer {
  return varint((BigInt(number) << 3n) | BigInt(wire));
}

function delimited(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([tag(number, Wire.bytes), varint(BigInt(content.length)), content]);
}

function fixed64(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([tag(number, Wire.fixed64), bytes]);
}

/** A message of a type, its fields chosen and filled at random. Several members of a oneof may be there. */
export function absurdMessage(type: string, chances: Chances, depth = 0): Buffer {
  const { contract, random } = chances;
  const density = depth === 0 ? 0.7 : 0.25;
  const parts: Buffer[] = [];
  for (const field of contract.fields.get(type) ?? []) {
    if (!random.chance(density)) continue;
    const isList = field.label === FieldDescriptorProto_Label.LABEL_REPEATED;
    const count = isList ? random.below(4) : 1;
    for (let i = 0; i < count; i++) parts.push(absurdField(field, chances, depth));
  }
  return Buffer.concat(parts);
}

type Field = Pick<NonNullable<ReturnType<Contract['fields']['get']>>[number], 'number' | 'type' | 'typeName'>;

function absurdField({ number = 1, type, typeName = '' }: Field, chances: Chances, depth: number): Buffer {
  const { random, known } = chances;
  switch (type) {
    case FieldDescriptorProto_Type.TYPE_MESSAGE:
      if (depth >= MAX_DEPTH) return Buffer.alloc(0);
      return delimited(number, absurdMessage(typeName, chances, depth + 1));
    case FieldDescriptorProto_Type.TYPE_STRING:
      return delimited(number, Buffer.from(random.pick(random.chance(0.6) ? known : NAMES) as string));
    case FieldDescriptorProto_Type.TYPE_BYTES:
      return delimited(number, random.bytes(random.below(40)));
    case FieldDescriptorProto_Type.TYPE_DOUBLE:
      return fixed64(number, random.pick(DOUBLES));
    default:
      return Buffer.concat([tag(number, Wire.varint), varint(random.pick(INTEGERS))]);
  }
}

/** Spoils the bytes of a message in one of many ways; some leave it decodable. */
export function spoil(message: Buffer, chances: Chances): Buffer {
  const { random } = chances;
  const at = random.below(message.length + 1);
  const head = message.subarray(0, at);
  const tail = message.subarray(at);
  const number = 1 + random.below(16);
  const ways: (() => Buffer)[] = [
    () => head,
    () => Buffer.concat([head, random.bytes(1 + random.below(8)), tail]),
    () => Buffer.concat([head, random.bytes(1), tail.subarray(1)]),
    () => random.bytes(random.below(200)),
    // Another wire type than the field has.
    () => Buffer.concat([message, tag(number, Wire.varint), varint(random.pick(INTEGERS))]),
    () => Buffer.concat([message, fixed64(number, random.pick(DOUBLES))]),
    () => Buffer.concat([message, delimited(number, random.bytes(random.below(20)))]),
    () => Buffer.concat([message, tag(number, Wire.startGroup)]),
    () => Buffer.concat([message, tag(number, 6 + random.below(2))]),
    // A varint that never ends, a length beyond the message and beyond memory, field number 0.
    () => Buffer.concat([message, tag(number, Wire.varint), Buffer.alloc(11, 0xff)]),
    () => Buffer.concat([message, tag(number, Wire.bytes), varint(2n ** 31n - 1n)]),
    () => Buffer.concat([message, tag(number, Wire.bytes), varint(-1n)]),
    () => Buffer.concat([message, Buffer.from([0, 0])]),
    () => nested(number, random.pick(NESTED_LEVELS)),
    () => Buffer.concat([message, message]),
  ];
  return random.pick(ways)();
}

/** Field in field in field; where the field is a message of its own kind that is deep, elsewhere it is text. */
function nested(number: number, levels: number): Buffer {
  let inner: Buffer = Buffer.alloc(0);
  for (let level = 0; level < levels; level++) inner = delimited(number, inner);
  return inner;
}

interface Part {
  number: number;
  wire: number;
  /** With its tag and length. */
  whole: Buffer;
  /** Of a length-delimited field. */
  content: Buffer;
}

/** Changes one field of a valid message, at any depth, to something absurd; the rest stays as it is. */
export function changeOneField(message: Buffer, type: string, chances: Chances): Buffer {
  const { contract, random } = chances;
  const fields = contract.fields.get(type) ?? [];
  const parts = partsOf(message);
  if (fields.length === 0) return message;
  if (parts.length === 0 || random.chance(0.15)) {
    return Buffer.concat([message, absurdField(random.pick(fields), chances, MAX_DEPTH - 2)]);
  }
  const chosen = random.below(parts.length);
  const part = parts[chosen]!;
  const field = fields.find(({ number }) => number === part.number);
  const isMessage = field?.type === FieldDescriptorProto_Type.TYPE_MESSAGE;
  let changed: Buffer;
  if (field === undefined || random.chance(0.1)) changed = Buffer.alloc(0);
  else if (isMessage && random.chance(0.85)) {
    changed = delimited(part.number, changeOneField(part.content, field.typeName ?? '', chances));
  } else changed = absurdField(field, chances, MAX_DEPTH - 2);
  return Buffer.concat(parts.map(({ whole }, index) => (index === chosen ? changed : whole)));
}

/** The fields of a well-formed message that this project encoded: varints, 64 bits and bytes. */
function partsOf(message: Buffer): Part[] {
  const parts: Part[] = [];
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const from = at;
    const key = readVarint();
    const wire = key & 7;
    let contentAt = at;
    if (wire === Wire.varint) readVarint();
    else if (wire === Wire.fixed64) at += 8;
    else if (wire === Wire.fixed32) at += 4;
    else {
      const length = readVarint();
      contentAt = at;
      at += length;
    }
    const content = message.subarray(contentAt, at);
    parts.push({ number: Math.floor(key / 8), wire, whole: message.subarray(from, at), content });
  }
  return parts;
}
