/** Reading one partition: its key before every name, replies as what they are known to be. */
import assert from 'node:assert/strict';
import { partitionOfQueue } from './keys.ts';
import type { Argument, Command, Reply, Script, ScriptCall } from './node.ts';

/** A partition that can be read and written. */
export interface Partition {
  readonly number: number;
  /** Its own key; names are added to it. */
  readonly key: string;
  /** Sends commands together. */
  read(commands: readonly Command[]): Promise<Reply[]>;
  /** Runs a script that writes. */
  write(script: Script, parameters: readonly Argument[]): Promise<Reply[]>;
  /** Runs a script that reads. */
  items(script: Script, parameters: readonly Argument[]): Promise<Reply[]>;
  /** Some fields of a hash, those that are there. */
  fields(name: string, fields: readonly (string | number)[]): Promise<Map<string, Buffer>>;
}

/** How a partition's commands get to its server. */
export interface Wire {
  read(partition: number, commands: readonly Command[]): Promise<Reply[]>;
  write(partition: number, call: ScriptCall): Promise<Reply>;
}

export function createPartition(wire: Wire, number: number, key: string): Partition {
  return {
    number,
    key,
    read: (commands) => (commands.length === 0 ? Promise.resolve([]) : wire.read(number, commands)),
    write: async (script, parameters) => listOf(await wire.write(number, { script, key, parameters })),
    items: async (script, parameters) =>
      listOf((await wire.read(number, [{ script, key, parameters }]))[0] ?? null),
    async fields(name, fields) {
      if (fields.length === 0) return new Map();
      const [reply] = await wire.read(number, [['HMGET', key + name, ...fields]]);
      const values = listOf(reply ?? null);
      return new Map(
        fields.flatMap((field, i): [string, Buffer][] => {
          const value = values[i];
          return Buffer.isBuffer(value) ? [[String(field), value]] : [];
        }),
      );
    },
  };
}

export function listOf(reply: Reply): Reply[] {
  assert(Array.isArray(reply), 'Redis answers a list');
  return reply;
}

export function bytesOf(reply: Reply): Buffer {
  assert(Buffer.isBuffer(reply), 'Redis answers texts as bytes');
  return reply;
}

/** The partition of a queue, or of anything else by its name. */
export function partitionOf(partitions: readonly Partition[], queue: string): Partition {
  return partitionAt(partitions, partitionOfQueue(queue, partitions.length));
}

export function partitionAt(partitions: readonly Partition[], number: number): Partition {
  const partition = partitions[number];
  assert(partition, `partition ${number} is not there`);
  return partition;
}
