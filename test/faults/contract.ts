// The contract as data, read from its descriptors: which methods there are, and
// which fields with which numbers their requests have.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type FieldDescriptorProto,
  type DescriptorProto,
  FileDescriptorSet,
} from '@armada-ts/api/google/protobuf/descriptor';
import { root } from '../e2e/programs.ts';

export interface Method {
  /** As a call names it, such as `/api.Submit/SubmitJobs`. */
  path: string;
  /** Full name of the request's type, with a dot in front. */
  input: string;
  isClientStream: boolean;
  isServerStream: boolean;
}

export interface Contract {
  methods: readonly Method[];
  /** Fields of each message type, by full name with a dot in front; map entries are types too. */
  fields: ReadonlyMap<string, readonly FieldDescriptorProto[]>;
}

/** Reads what the contract was generated from. */
export async function readContract(): Promise<Contract> {
  const bytes = await readFile(join(root, 'api/generated/descriptors.binpb'));
  const fields = new Map<string, readonly FieldDescriptorProto[]>();
  const addMessage = (scope: string, message: DescriptorProto): void => {
    const name = `${scope}.${message.name}`;
    fields.set(name, message.field);
    for (const nested of message.nestedType) addMessage(name, nested);
  };
  const methods: Method[] = [];
  for (const file of FileDescriptorSet.decode(bytes).file) {
    for (const message of file.messageType) addMessage(`.${file.package}`, message);
    for (const service of file.service) {
      for (const method of service.method) {
        methods.push({
          path: `/${file.package}.${service.name}/${method.name}`,
          input: method.inputType ?? '',
          isClientStream: method.clientStreaming ?? false,
          isServerStream: method.serverStreaming ?? false,
        });
      }
    }
  }
  return { methods, fields };
}
