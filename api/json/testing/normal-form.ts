/**
 * What does not survive a message's way through JSON and back, in one place.
 * Two messages with the same normal form mean the same to every reader of the
 * contract; everything not named here survives exactly.
 *
 * 1. Fields that the contract does not know: JSON has no names for them.
 * 2. Minus zero: JSON.stringify writes 0, and implicit fields lose it on the
 *    wire already. The bits of a NaN beyond its being one: likewise.
 * 3. Kubernetes' optional scalars: unset and zero are one, save those marked
 *    nullable.
 * 4. Kubernetes' message fields that keep their key when empty, and inlined
 *    parts: unset and empty are one, as they are structs by value in Go. Not so
 *    where marked nullable.
 * 5. Quantity: no text is "0". Other text stays as it is.
 * 6. IntOrString: the half that its type does not name is dropped, and a type
 *    that is neither 0 nor 1 counts as 0.
 * 7. meta/v1.Time: an empty one is unset; in others an unset half is zero.
 * 8. meta/v1.FieldsV1: an empty one is unset; the JSON text that it holds is
 *    spelled in JSON.stringify's way.
 *
 * Invalid UTF-8 is replaced when bytes are decoded, so no message holds it.
 * Enum numbers that the contract does not know survive with `unknown: 'ignore'`
 * only.
 */
import { describeMessage, type FieldDescriptor, type MessageObject } from '../descriptors.ts';

type Normalise = (message: MessageObject) => MessageObject | undefined;

/** Rules 5 to 8: what a field of the type holds. */
const ownRules = new Map<string, Normalise>([
  ['k8s.io.apimachinery.pkg.api.resource.Quantity', ({ string }) => ({ string: string || '0' })],
  ['k8s.io.apimachinery.pkg.util.intstr.IntOrString', normalIntOrString],
  ['k8s.io.apimachinery.pkg.apis.meta.v1.Time', normalTime],
  ['k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1', normalFields],
]);

export function normalForm(typeName: string, message: MessageObject): MessageObject | undefined {
  const own = ownRules.get(typeName);
  if (own !== undefined) return own(message);
  const normal: MessageObject = {};
  for (const field of describeMessage(typeName).fields) {
    if (field.oneof === undefined) normal[field.name] = normalField(field, message[field.name]);
    else normal[field.oneof] ??= normalMember(field, message[field.oneof]);
  }
  return normal;
}

function normalField(field: FieldDescriptor, value: unknown): unknown {
  if (field.label === 'list') return (value as unknown[]).map((each) => normalValue(field, each));
  if (field.label === 'map') {
    const entries = [...(value as Map<unknown, unknown>)].map(
      ([key, each]) => [key, normalValue(field, each)] as const,
    );
    return new Map(entries);
  }
  const isKept = field.keepEmpty && field.presence !== 'nullable';
  if (value === undefined && field.type === 'message' && (isKept || field.inline)) {
    return field.typeName.endsWith('.Time')
      ? undefined
      : normalForm(field.typeName, describeMessage(field.typeName).createEmpty());
  }
  const isZero = value === 0 || value === 0n || value === '' || value === false;
  return field.presence === 'optional' && isZero ? undefined : normalValue(field, value);
}

function normalMember(field: FieldDescriptor, value: unknown): unknown {
  const set = value as { $case: string; value: unknown } | undefined;
  if (set?.$case !== field.name) return undefined;
  return { $case: field.name, value: normalValue(field, set.value) };
}

function normalValue(field: FieldDescriptor, value: unknown): unknown {
  if (value === undefined) return undefined;
  if (field.type === 'message') return normalForm(field.typeName, value as MessageObject);
  return Object.is(value, -0) ? 0 : value;
}

function normalIntOrString({ type, intVal, strVal }: MessageObject): MessageObject {
  return type === 1n ? { type, strVal: strVal ?? '' } : { type: 0n, intVal: intVal ?? 0 };
}

function normalTime({ seconds, nanos }: MessageObject): MessageObject | undefined {
  return seconds === undefined && nanos === undefined
    ? undefined
    : { seconds: seconds ?? 0n, nanos: nanos ?? 0 };
}

function normalFields({ Raw: raw }: MessageObject): MessageObject | undefined {
  if (!(raw instanceof Uint8Array) || raw.length === 0) return undefined;
  return { json: JSON.stringify(JSON.parse(Buffer.from(raw).toString('utf8'))) };
}
