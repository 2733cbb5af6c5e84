/**
 * What each message and enum of the contract looks like, for code that treats
 * all of them alike: the JSON codec, the REST adapter, tests that make messages
 * at random. Comes from the descriptors by way of api/json/generate.mjs, in a
 * form that loads in milliseconds; a type is parsed when it is first asked for.
 */
import type { MessageTypes } from '../generated/json/message-types.ts';
import { emptyMessages, enumRows, messageRows } from '../generated/json/schema.ts';

export type { MessageTypes };

/** Full name of a message type, such as `api.JobSubmitRequest`. */
export type MessageName = keyof MessageTypes;

/** A generated message, seen without its type. */
export type MessageObject = Record<string, unknown>;

export type ScalarType = 'string' | 'bool' | 'bytes' | 'double' | 'int32' | 'uint32' | 'int64' | 'uint64';

export interface FieldDescriptor {
  /** The member of the message object; for a field of a oneof, its `$case`. */
  readonly name: string;
  readonly jsonName: string;
  readonly protoName: string;
  readonly label: 'single' | 'list' | 'map';
  /** Of the value of a map field and of the element of a list. */
  readonly type: ScalarType | 'enum' | 'message';
  /** The message or enum type; empty for scalars. */
  readonly typeName: string;
  readonly mapKey: 'string' | 'int32';
  /**
   * Of single fields outside oneofs. `implicit`: never undefined unless a
   * message. `optional`: undefined means the same as zero. `nullable`: it does
   * not, so zero is written and undefined is null where a key is kept.
   */
  readonly presence: 'implicit' | 'optional' | 'nullable';
  /** The oneof's member of the message object. */
  readonly oneof: string | undefined;
  /** Written to JSON even when empty. */
  readonly keepEmpty: boolean;
  /** The message's fields stand in the object around it. */
  readonly inline: boolean;
}

export interface MessageDescriptor {
  readonly typeName: string;
  /** In the order of declaration. */
  readonly fields: readonly FieldDescriptor[];
  /** From oneof to the key that wraps its set member; most have none. */
  readonly wrappingKeys: Readonly<Record<string, string>>;
  readonly createEmpty: () => MessageObject;
}

export interface EnumValue {
  readonly number: number;
  readonly name: string;
  /** Without the enum's own prefix, in the way that Go spells it: `Fail` for RETRY_ACTION_FAIL. */
  readonly shortName: string;
}

const usualField: FieldDescriptor = {
  name: '',
  jsonName: '',
  protoName: '',
  label: 'single',
  type: 'string',
  typeName: '',
  mapKey: 'string',
  presence: 'implicit',
  oneof: undefined,
  keepEmpty: false,
  inline: false,
};

const messages = new Map<string, MessageDescriptor>();
const enums = new Map<string, readonly EnumValue[]>();

export function isMessageName(name: string): name is MessageName {
  return Object.hasOwn(messageRows, name);
}

export function messageNames(): MessageName[] {
  return Object.keys(messageRows).filter(isMessageName);
}

/** Throws TypeError for a name that no message has: names come from our own code, not from users. */
export function describeMessage(typeName: string): MessageDescriptor {
  const known = messages.get(typeName);
  if (known !== undefined) return known;
  const row = messageRows[typeName];
  const createEmpty = emptyMessages[typeName];
  if (!isMessageName(typeName) || row === undefined || createEmpty === undefined) {
    throw new TypeError(`there is no message type ${JSON.stringify(typeName)}`);
  }
  const { fields, wrappingKeys = {} } = JSON.parse(row) as MessageRow;
  const described = { typeName, fields: fields.map(completeField), wrappingKeys, createEmpty };
  messages.set(typeName, described);
  return described;
}

/** Throws TypeError for a name that no enum has. */
export function describeEnum(typeName: string): readonly EnumValue[] {
  const known = enums.get(typeName);
  if (known !== undefined) return known;
  const row = enumRows[typeName];
  if (row === undefined) throw new TypeError(`there is no enum type ${JSON.stringify(typeName)}`);
  const values = (JSON.parse(row) as EnumRow).map(([number, name, shortName = name]) => ({
    number,
    name,
    shortName,
  }));
  enums.set(typeName, values);
  return values;
}

/** As api/json/generate.mjs writes them: what is as usual is left out. */
type FieldRow = Partial<FieldDescriptor> & { name: string };
interface MessageRow {
  fields: FieldRow[];
  wrappingKeys?: Record<string, string>;
}
type EnumRow = [number: number, name: string, shortName?: string][];

function completeField(row: FieldRow): FieldDescriptor {
  return { ...usualField, jsonName: row.name, protoName: row.name, ...row };
}
