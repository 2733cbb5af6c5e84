/**
 * Messages of any type at random, made from the descriptors, for property
 * tests. What has no JSON form is not made: FieldsV1 holds JSON objects and
 * Quantity well-formed text.
 */
import fc from 'fast-check';
import {
  describeEnum,
  describeMessage,
  type FieldDescriptor,
  type MessageObject,
  type ScalarType,
} from '../descriptors.ts';

type Values = fc.Arbitrary<unknown>;

const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'grapheme', maxLength: 8 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'a.b/c', '0', '10', ' ') },
);

const scalars: Record<ScalarType, Values> = {
  string: text,
  bool: fc.boolean(),
  bytes: fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
  double: fc.oneof(fc.double(), fc.integer()),
  int32: fc.oneof(fc.integer(), fc.integer({ min: -2, max: 2 })),
  uint32: fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 2 })),
  int64: fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -2n, max: 2n })),
  uint64: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 2n })),
};

const quantityText = fc.stringMatching(
  /^[+-]?([0-9]{1,4}(\.[0-9]{0,3})?|\.[0-9]{1,3})([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$/,
);

const rawObject = fc
  .dictionary(text, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
  .map((object) => Buffer.from(JSON.stringify(object)));

/** Seconds and nanos that have a text form three times out of four. */
const time = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      seconds: fc.bigInt({ min: -62135596800n, max: 253402300799n }),
      nanos: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999_999 }), fc.constant(500_000_000)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ seconds: scalars.int64, nanos: scalars.int32 }) },
);

/** Members that the wire or the JSON form bounds further than their types do. */
const narrower = new Map<string, Values>([
  ['google.protobuf.Timestamp', time],
  ['google.protobuf.Duration', time],
  ['k8s.io.apimachinery.pkg.apis.meta.v1.Time', fc.oneof(time, fc.constant({}))],
  [
    'k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1',
    fc.record({ Raw: fc.option(rawObject, { nil: undefined }) }),
  ],
  [
    'k8s.io.apimachinery.pkg.api.resource.Quantity',
    fc.record({ string: fc.option(quantityText, { nil: undefined }) }),
  ],
]);

const made = new Map<string, Values>();

/** `levels` bounds how deep messages hold messages. */
export function arbitraryMessage(typeName: string, levels: number): fc.Arbitrary<MessageObject> {
  const key = `${typeName} ${levels}`;
  const known =
    made.get(key) ??
    narrower.get(typeName)?.map((members) => fillIn(typeName, members)) ??
    members(typeName, levels);
  made.set(key, known);
  return known as fc.Arbitrary<MessageObject>;
}

function members(typeName: string, levels: number): Values {
  const { fields } = describeMessage(typeName);
  const arbitraries: Record<string, Values> = {};
  for (const field of fields) {
    if (field.oneof === undefined) arbitraries[field.name] = fieldValues(field, levels);
    else
      arbitraries[field.oneof] ??= oneofValues(
        fields.filter(({ oneof }) => oneof === field.oneof),
        levels,
      );
  }
  return fc.record(arbitraries).map((values) => fillIn(typeName, values));
}

function fillIn(typeName: string, values: unknown): MessageObject {
  return Object.assign(describeMessage(typeName).createEmpty(), values);
}

function oneofValues(fields: readonly FieldDescriptor[], levels: number): Values {
  const cases = fields
    .filter(({ type }) => type !== 'message' || levels > 0)
    .map((field) => singleValues(field, levels).map((value) => ({ $case: field.name, value })));
  return cases.length === 0 ? fc.constant(undefined) : fc.option(fc.oneof(...cases), { nil: undefined });
}

function fieldValues(field: FieldDescriptor, levels: number): Values {
  const isMessage = field.type === 'message';
  if (field.label === 'single') {
    if (isMessage && levels === 0) return fc.constant(undefined);
    const values = singleValues(field, levels);
    if (isMessage)
      return fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: values });
    return field.presence === 'implicit' ? values : fc.option(values, { nil: undefined, freq: 2 });
  }
  const maxLength = isMessage && levels === 0 ? 0 : 3;
  const elements = maxLength === 0 ? fc.constant(undefined) : singleValues(field, levels);
  if (field.label === 'list') return fc.array(elements, { maxLength });
  const keys = field.mapKey === 'string' ? text : scalars.int32;
  return fc.array(fc.tuple(keys, elements), { maxLength }).map((entries) => new Map(entries));
}

function singleValues({ type, typeName }: FieldDescriptor, levels: number): Values {
  if (type === 'message') return arbitraryMessage(typeName, levels - 1);
  if (type === 'enum') return fc.constantFrom(...describeEnum(typeName).map(({ number }) => number));
  return scalars[type];
}
