/**
 * The one JSON codec: converts between JSON values and the generated message
 * objects, for every message of the contract. Used by armadactl's files, REST,
 * the web page and the Kubernetes executor. The form is that of Armada's REST
 * gateway and, for Kubernetes objects, Kubernetes' own, not the JSON mapping of
 * protocol buffers: `api/proto/armada/json/v1/options.proto` marks where fields
 * differ. Enums are written by name and times as RFC 3339 text.
 */
import { describeMessage, type MessageName, type MessageObject, type MessageTypes } from './descriptors.ts';
import { JsonError, type JsonFault, type Reading, throwFaults, type Trail } from './faults.ts';
import { readMessage } from './read.ts';
import type { JsonValue } from './scalars.ts';
import { writeMessage } from './write.ts';

export { JsonError, type JsonFault, type JsonValue, type MessageName, type MessageTypes };

export interface ReadOptions {
  /**
   * What to do about keys, and numbers of enum values, that the contract does
   * not know: `error` where people write by hand, so that a slip is noticed;
   * `ignore` where a newer peer may know more than we do.
   */
  unknown: 'error' | 'ignore';
}

/**
 * The message that `json`, a value as JSON.parse gives it, stands for, with
 * everything that is not given at its default. Keys count as written by toJson,
 * by their proto name, and without regard to case; `null` leaves a field unset.
 *
 * Throws JsonError with all faults, up to 20, when the value does not fit.
 */
export function fromJson<Name extends MessageName>(
  typeName: Name,
  json: unknown,
  options: ReadOptions,
): MessageTypes[Name] {
  const reading: Reading = { unknown: options.unknown, path: [], faults: [] };
  const message = readMessage(typeName, json, reading);
  throwFaults(reading);
  return message as unknown as MessageTypes[Name];
}

/**
 * The JSON value of a message, for JSON.stringify or a YAML writer. Empty
 * values are left out unless their field is marked to be kept, and fields that
 * the contract does not know are not carried.
 *
 * Throws JsonError for the one kind of message without a JSON form: Kubernetes'
 * FieldsV1 holding bytes that spell no JSON object, or one nested over 100 levels deep.
 */
export function toJson<Name extends MessageName>(typeName: Name, message: MessageTypes[Name]): JsonValue {
  const trail: Trail = { path: [], faults: [] };
  const json = writeMessage(describeMessage(typeName).typeName, message as unknown as MessageObject, trail);
  throwFaults(trail);
  return json;
}
