/**
 * Message objects to JSON values. A plan per message type, made on first use,
 * is a list of steps, each of which writes one field or one oneof.
 */
import { describeMessage, type FieldDescriptor, type MessageObject } from './descriptors.ts';
import type { Trail } from './faults.ts';
import { ownFormOf } from './own-forms.ts';
import { isZero, type JsonValue, scalarWriter, type ValueWriter, zeroOf } from './scalars.ts';

type JsonObject = { [key: string]: JsonValue };
type Step = (message: MessageObject, json: JsonObject, trail: Trail) => void;

const plans = new Map<string, readonly Step[]>();
const nothingSet: MessageObject = {};

export function writeMessage(typeName: string, message: MessageObject, trail: Trail): JsonValue {
  return messageWriter(typeName)(message, trail);
}

function planOf(typeName: string): readonly Step[] {
  let plan = plans.get(typeName);
  if (plan === undefined) {
    const { fields, wrappingKeys } = describeMessage(typeName);
    const oneofs = Map.groupBy(fields, (field) => field.oneof);
    const steps = (oneofs.get(undefined) ?? []).map(fieldStep);
    oneofs.delete(undefined);
    for (const [oneof = '', members] of oneofs) steps.push(oneofStep(oneof, members, wrappingKeys[oneof]));
    plan = steps;
    plans.set(typeName, plan);
  }
  return plan;
}

function messageWriter(typeName: string): ValueWriter {
  let plan: readonly Step[] | undefined;
  const writeFields: ValueWriter = (message, trail) => {
    plan ??= planOf(typeName);
    const json: JsonObject = {};
    for (const step of plan) step(message as MessageObject, json, trail);
    return json;
  };
  const form = ownFormOf(typeName);
  if (form === undefined) return writeFields;
  return (message, trail) => {
    const written = form.write(message, trail);
    return written === undefined ? writeFields(message, trail) : written;
  };
}

function fieldStep(field: FieldDescriptor): Step {
  if (field.inline) return inlineStep(field);
  if (field.label === 'list') return listStep(field);
  if (field.label === 'map') return mapStep(field);
  return field.type === 'message' ? messageStep(field) : scalarStep(field);
}

function scalarStep(field: FieldDescriptor): Step {
  const { name, jsonName, keepEmpty } = field;
  const write = scalarWriter(field);
  if (field.presence === 'nullable') {
    return (message, json, trail) => {
      const value = message[name];
      if (value !== undefined) json[jsonName] = write(value, trail);
      else if (keepEmpty) json[jsonName] = null;
    };
  }
  const zero = zeroOf(field);
  return (message, json, trail) => {
    const value = message[name] ?? zero;
    if (keepEmpty || !isZero(value)) json[jsonName] = write(value, trail);
  };
}

function messageStep(field: FieldDescriptor): Step {
  const { name, jsonName, keepEmpty } = field;
  const write = messageWriter(field.typeName);
  const writeAbsent = absentWriter(field, write);
  return (message, json, trail) => {
    const value = message[name];
    if (value === undefined && !keepEmpty) return;
    trail.path.push(jsonName);
    const written = value === undefined ? writeAbsent(value, trail) : write(value, trail);
    if (written !== null || keepEmpty) json[jsonName] = written;
    trail.path.pop();
  };
}

function absentWriter(field: FieldDescriptor, write: ValueWriter): ValueWriter {
  const form = ownFormOf(field.typeName);
  if (form !== undefined) return () => form.absent;
  return field.presence === 'nullable' ? () => null : (_, trail) => write(nothingSet, trail);
}

function inlineStep({ name, typeName }: FieldDescriptor): Step {
  let plan: readonly Step[] | undefined;
  return (message, json, trail) => {
    const part = (message[name] ?? nothingSet) as MessageObject;
    plan ??= planOf(typeName);
    for (const step of plan) step(part, json, trail);
  };
}

function listStep(field: FieldDescriptor): Step {
  const { name, jsonName, keepEmpty } = field;
  const write = valueWriter(field);
  return (message, json, trail) => {
    const list = (message[name] ?? []) as unknown[];
    if (list.length === 0 && !keepEmpty) return;
    const { path } = trail;
    path.push(jsonName);
    json[jsonName] = list.map((value, index) => {
      path.push(index);
      const written = write(value, trail);
      path.pop();
      return written;
    });
    path.pop();
  };
}

/** Keys in order, so that the same message gives the same text. */
function mapStep(field: FieldDescriptor): Step {
  const { name, jsonName, keepEmpty } = field;
  const write = valueWriter(field);
  return (message, json, trail) => {
    const map = (message[name] ?? new Map()) as Map<string | number, unknown>;
    if (map.size === 0 && !keepEmpty) return;
    const { path } = trail;
    path.push(jsonName);
    const written: JsonObject = {};
    for (const key of [...map.keys()].map(String).sort()) {
      path.push(key);
      const value = map.get(field.mapKey === 'string' ? key : Number(key));
      setKey(written, key, write(value, trail));
      path.pop();
    }
    json[jsonName] = written;
    path.pop();
  };
}

/** Assigning to `__proto__` would not make a key. */
function setKey(json: JsonObject, key: string, value: JsonValue): void {
  if (key !== '__proto__') json[key] = value;
  else Object.defineProperty(json, key, { value, enumerable: true, configurable: true, writable: true });
}

function valueWriter(field: FieldDescriptor): ValueWriter {
  return field.type === 'message' ? messageWriter(field.typeName) : scalarWriter(field);
}

/** A set member is written even when empty. */
function oneofStep(
  oneof: string,
  members: readonly FieldDescriptor[],
  wrappingKey: string | undefined,
): Step {
  const byCase = new Map(members.map((member) => [member.name, { ...member, write: valueWriter(member) }]));
  return (message, json, trail) => {
    const set = message[oneof] as { $case: string; value: unknown } | undefined;
    if (set === undefined) return;
    const member = byCase.get(set.$case);
    if (member === undefined) throw new TypeError(`oneof ${oneof} has no member ${set.$case}`);
    const { path } = trail;
    const depth = path.length;
    let target = json;
    if (wrappingKey !== undefined) {
      target = {};
      json[wrappingKey] = target;
      path.push(wrappingKey);
    }
    path.push(member.jsonName);
    target[member.jsonName] = member.write(set.value, trail);
    path.length = depth;
  };
}
