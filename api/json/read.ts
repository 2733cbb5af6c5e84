/**
 * JSON values to message objects. A plan per message type, made on first use,
 * says for every key what to do with its value; reading is then one lookup and
 * one call per key. It goes as deep as the message types do, whatever the JSON:
 * no message of the contract can hold itself, which a test sees to.
 */
import { describeMessage, type FieldDescriptor, type MessageObject } from './descriptors.ts';
import { addFault, addMismatch, type Reading } from './faults.ts';
import { nearNames } from './near-names.ts';
import { ownFormOf } from './own-forms.ts';
import { isInt32, scalarReader, type ValueReader } from './scalars.ts';

type JsonObject = Record<string, unknown>;

/** Puts the value of one key into the message. */
type Slot = (message: MessageObject, json: unknown, reading: Reading) => void;

type FieldNames = Pick<FieldDescriptor, 'jsonName' | 'protoName'>;

interface Plan {
  readonly createEmpty: () => MessageObject;
  /** By the key that toJson writes. */
  readonly slots: Map<string, Slot>;
  /** By that key and by proto name, each in lower case. */
  readonly names: Map<string, FieldNames>;
}

const plans = new Map<string, Plan>();

/**
 * Gives a message even when it notes faults; it is then of no use. Null, which
 * leaves fields unset, is a whole message only where that is what is written
 * for an empty one.
 */
export function readMessage(typeName: string, json: unknown, reading: Reading): MessageObject {
  if (json === null && ownFormOf(typeName)?.absent === null) return planOf(typeName).createEmpty();
  return messageReader(typeName)(json, reading) as MessageObject;
}

function planOf(typeName: string): Plan {
  let plan = plans.get(typeName);
  if (plan === undefined) {
    const { fields, wrappingKeys, createEmpty } = describeMessage(typeName);
    plan = { createEmpty, slots: new Map(), names: new Map() };
    plans.set(typeName, plan);
    for (const field of fields) addField(plan, field, fields);
    for (const [oneof, key] of Object.entries(wrappingKeys)) {
      const members = fields.filter((field) => field.oneof === oneof);
      addSlot(plan, { jsonName: key, protoName: oneof }, wrapperSlot(plan, members));
    }
  }
  return plan;
}

function addField(plan: Plan, field: FieldDescriptor, siblings: readonly FieldDescriptor[]): void {
  if (field.inline) return addInlined(plan, field);
  const { name, oneof } = field;
  const read = fieldReader(field);
  if (oneof !== undefined) {
    return addSlot(plan, field, memberSlot(field, oneof, siblings));
  }
  addSlot(plan, field, (message, json, reading) => {
    message[name] = read(json, reading);
  });
}

function addSlot(plan: Plan, { jsonName, protoName }: FieldNames, slot: Slot): void {
  plan.slots.set(jsonName, slot);
  for (const name of [jsonName.toLowerCase(), protoName.toLowerCase()]) {
    if (!plan.names.has(name)) plan.names.set(name, { jsonName, protoName });
  }
}

/** The part is made when one of its keys turns up, and stays undefined otherwise. */
function addInlined(plan: Plan, { name, typeName }: FieldDescriptor): void {
  const part = planOf(typeName);
  for (const names of part.names.values()) {
    const slot = part.slots.get(names.jsonName);
    if (slot === undefined || plan.slots.has(names.jsonName)) continue;
    addSlot(plan, names, (message, json, reading) => {
      const inner = (message[name] ?? part.createEmpty()) as MessageObject;
      message[name] = inner;
      slot(inner, json, reading);
    });
  }
}

function memberSlot(field: FieldDescriptor, oneof: string, siblings: readonly FieldDescriptor[]): Slot {
  const read = fieldReader(field);
  return (message, json, reading) => {
    if (message[oneof] !== undefined) {
      const names = siblings.filter((each) => each.oneof === oneof).map(({ jsonName }) => jsonName);
      addFault(reading, `only one of these keys may be given: ${names.join(', ')}`);
    }
    message[oneof] = { $case: field.name, value: read(json, reading) };
  };
}

/** The members of the oneof in an object of their own, as Go spells it; they may also be given without it. */
function wrapperSlot(plan: Plan, members: readonly FieldDescriptor[]): Slot {
  const wrapper: Plan = { createEmpty: plan.createEmpty, slots: new Map(), names: new Map() };
  for (const member of members) {
    const slot = plan.slots.get(member.jsonName);
    if (slot !== undefined) addSlot(wrapper, member, slot);
  }
  return (message, json, reading) => readFields(wrapper, json, { message, reading });
}

function fieldReader(field: FieldDescriptor): ValueReader {
  const read = field.type === 'message' ? messageReader(field.typeName) : scalarReader(field);
  if (field.label === 'list') return listReader(read);
  if (field.label === 'map') return mapReader(read, field.mapKey);
  return read;
}

/** Finds the plan when first called, so that types that hold one another can be planned. */
function messageReader(typeName: string): ValueReader {
  let plan: Plan | undefined;
  const readObject: ValueReader = (json, reading) => {
    plan ??= planOf(typeName);
    const message = plan.createEmpty();
    readFields(plan, json, { message, reading });
    return message;
  };
  const form = ownFormOf(typeName);
  if (form === undefined) return readObject;
  if (!form.hasFieldForm) return form.read;
  return (json, reading) => (isObject(json) ? readObject(json, reading) : form.read(json, reading));
}

function readFields(plan: Plan, json: unknown, into: { message: MessageObject; reading: Reading }): void {
  const { message, reading } = into;
  if (!isObject(json)) return addMismatch(reading, 'an object', json);
  const { path } = reading;
  for (const key of Object.keys(json)) {
    path.push(key);
    const slot = plan.slots.get(key) ?? slotByOtherName(plan, key, { json, reading });
    const value = json[key];
    if (slot !== undefined && value !== null && value !== undefined) slot(message, value, reading);
    path.pop();
  }
}

/**
 * Go matches keys without regard to case; proto names are accepted besides.
 * Where a field is there under several names, the most exact one counts and the
 * others are passed over.
 */
function slotByOtherName(
  plan: Plan,
  key: string,
  at: { json: JsonObject; reading: Reading },
): Slot | undefined {
  const { json, reading } = at;
  const names = plan.names.get(key.toLowerCase());
  if (names === undefined) {
    if (reading.unknown === 'error')
      addFault(reading, `unknown key${suggest(nearNames(key, plan.slots.keys()))}`);
    return undefined;
  }
  const { jsonName, protoName } = names;
  if (Object.hasOwn(json, jsonName) || (key !== protoName && Object.hasOwn(json, protoName)))
    return undefined;
  return plan.slots.get(jsonName);
}

function suggest(names: readonly string[]): string {
  if (names.length === 0) return '';
  return `; did you mean ${names.map((name) => `"${name}"`).join(' or ')}?`;
}

function listReader(read: ValueReader): ValueReader {
  return (json, reading) => {
    const list: unknown[] = [];
    if (!Array.isArray(json)) {
      addMismatch(reading, 'a list', json);
      return list;
    }
    const { path } = reading;
    for (let index = 0; index < json.length; index++) {
      path.push(index);
      list.push(read(json[index], reading));
      path.pop();
    }
    return list;
  };
}

/** Keys come to no harm in a Map, `__proto__` included. */
function mapReader(read: ValueReader, mapKey: FieldDescriptor['mapKey']): ValueReader {
  return (json, reading) => {
    const map = new Map<unknown, unknown>();
    if (!isObject(json)) {
      addMismatch(reading, 'an object', json);
      return map;
    }
    const { path } = reading;
    for (const key of Object.keys(json)) {
      path.push(key);
      map.set(
        mapKey === 'string' ? readTextKey(key, reading) : readIntegerKey(key, reading),
        read(json[key], reading),
      );
      path.pop();
    }
    return map;
  };
}

function readTextKey(key: string, reading: Reading): string {
  if (!key.isWellFormed()) addFault(reading, 'half of a surrogate pair in the key');
  return key;
}

function readIntegerKey(key: string, reading: Reading): number {
  const number = Number(key);
  if (!/^(?:0|-?[1-9][0-9]{0,9})$/.test(key) || !isInt32(number)) {
    addMismatch(reading, 'a whole number (32 bits) as the key', key);
  }
  return number;
}

function isObject(json: unknown): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
