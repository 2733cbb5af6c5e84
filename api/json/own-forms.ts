/**
 * Messages whose JSON is not an object of their fields: times, and the four of
 * Kubernetes that bring their own (resource.Quantity, intstr.IntOrString,
 * meta/v1.Time and meta/v1.FieldsV1).
 */
import { describeMessage, type MessageObject } from './descriptors.ts';
import { addFault, addMismatch, isTooDeep, type Trail } from './faults.ts';
import { isInt32, type JsonValue, type ValueReader } from './scalars.ts';
import { formatInstant, formatSpan, parseInstant, parseSpan, type SecondsAndNanos } from './times.ts';

export interface OwnForm {
  /** Handed every JSON value but null at the root of a field. */
  readonly read: ValueReader;
  /** Undefined for a message without such a form. */
  readonly write: (message: unknown, trail: Trail) => JsonValue | undefined;
  /** What Kubernetes writes for a field that keeps its key when empty. */
  readonly absent: JsonValue;
  /** Whether objects are read, and messages without the own form are written, field by field. */
  readonly hasFieldForm: boolean;
}

/** Kubernetes: apimachinery/pkg/api/resource, the grammar in the comment of Quantity. */
const quantityPattern = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;

/** Values of IntOrString.type. */
const holdsInt = 0n;
const holdsString = 1n;

const forms = new Map<string, OwnForm>([
  ['google.protobuf.Timestamp', timeForm('google.protobuf.Timestamp', parseInstant, formatInstant)],
  ['google.protobuf.Duration', timeForm('google.protobuf.Duration', parseSpan, formatSpan)],
  ['k8s.io.apimachinery.pkg.apis.meta.v1.Time', kubernetesTimeForm()],
  ['k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1', fieldsForm()],
  ['k8s.io.apimachinery.pkg.api.resource.Quantity', quantityForm()],
  ['k8s.io.apimachinery.pkg.util.intstr.IntOrString', intOrStringForm()],
]);

export function ownFormOf(typeName: string): OwnForm | undefined {
  return forms.get(typeName);
}

type Parse = (text: string) => SecondsAndNanos | undefined;
type Format = (value: SecondsAndNanos) => string | undefined;

function timeForm(typeName: string, parse: Parse, format: Format): OwnForm {
  const example = format({ seconds: 1626103796n, nanos: 500_000_000 });
  return {
    hasFieldForm: true,
    absent: null,
    read: (json, reading) => {
      const parsed = typeof json === 'string' ? parse(json) : undefined;
      if (parsed === undefined) addMismatch(reading, `text such as "${example}"`, json);
      return filled(typeName, { ...parsed });
    },
    write: (message) => {
      const { seconds = 0n, nanos = 0 } = message as Partial<SecondsAndNanos>;
      return format({ seconds, nanos });
    },
  };
}

/** Like a Timestamp, but with nothing set it is the time never, which is null. */
function kubernetesTimeForm(): OwnForm {
  const form = timeForm('k8s.io.apimachinery.pkg.apis.meta.v1.Time', parseInstant, formatInstant);
  const write: OwnForm['write'] = (message, trail) => {
    const { seconds, nanos } = message as Partial<SecondsAndNanos>;
    return seconds === undefined && nanos === undefined ? null : form.write(message, trail);
  };
  return { ...form, write };
}

/** Numbers become their text; the text is kept as it is, for its meaning is the scheduler's affair. */
function quantityForm(): OwnForm {
  return {
    hasFieldForm: false,
    absent: '0',
    read: (json, reading) => {
      const text = typeof json === 'number' ? String(json) : json;
      if (typeof text !== 'string' || !quantityPattern.test(text.trim())) {
        addMismatch(reading, 'a quantity such as 2, "500m" or "1.5Gi"', json);
        return filled('k8s.io.apimachinery.pkg.api.resource.Quantity', {});
      }
      return filled('k8s.io.apimachinery.pkg.api.resource.Quantity', { string: text.trim() });
    },
    write: (message) => (message as { string?: string }).string || '0',
  };
}

function intOrStringForm(): OwnForm {
  const typeName = 'k8s.io.apimachinery.pkg.util.intstr.IntOrString';
  return {
    hasFieldForm: false,
    absent: 0,
    read: (json, reading) => {
      if (typeof json === 'string') return filled(typeName, { type: holdsString, strVal: json });
      if (isInt32(json)) return filled(typeName, { type: holdsInt, intVal: json + 0 });
      addMismatch(reading, 'a whole number (32 bits) or text', json);
      return filled(typeName, {});
    },
    write: (message) => {
      const { type, intVal, strVal } = message as { type?: bigint; intVal?: number; strVal?: string };
      return type === holdsString ? (strVal ?? '') : (intVal ?? 0);
    },
  };
}

/** The message holds JSON text, the field the object that it spells. */
function fieldsForm(): OwnForm {
  return {
    hasFieldForm: false,
    absent: null,
    read: (json, reading) => {
      const typeName = 'k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1';
      if (typeof json !== 'object' || json === null || Array.isArray(json)) {
        addMismatch(reading, 'an object', json);
      } else if (isShallow(json, reading)) {
        return filled(typeName, { Raw: Buffer.from(JSON.stringify(json)) });
      }
      return filled(typeName, {});
    },
    write: (message, trail) => {
      const { Raw: raw } = message as { Raw?: Uint8Array };
      if (raw === undefined || raw.length === 0) return null;
      const json = parseJsonObject(raw);
      if (json === undefined) addFault(trail, 'holds bytes that spell no JSON object');
      return json !== undefined && isShallow(json, trail) ? json : null;
    },
  };
}

function parseJsonObject(bytes: Uint8Array): JsonValue | undefined {
  try {
    const json = JSON.parse(Buffer.from(bytes).toString('utf8')) as JsonValue;
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** Notes a fault where the value is nested too deeply to be walked by recursion, JSON.stringify's included. */
function isShallow(json: unknown, trail: Trail): boolean {
  if (typeof json !== 'object' || json === null) return true;
  if (isTooDeep(trail)) return false;
  return Object.entries(json).every(([key, value]) => {
    trail.path.push(key);
    const shallow = isShallow(value, trail);
    trail.path.pop();
    return shallow;
  });
}

function filled(typeName: string, members: MessageObject): MessageObject {
  return Object.assign(describeMessage(typeName).createEmpty(), members);
}
