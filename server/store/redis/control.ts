/** Control records and terms: arguments of their scripts, and what these answer. */
import type { LogEntry } from '@armada-ts/api/armada/store/v1/store';
import { controlEntry } from '../entries.ts';
import type { ControlChange, StoredControl } from '../store.ts';
import { asBuffer, seenArguments, type Stamp } from './append.ts';
import { encodeItem } from './log.ts';
import type { Argument, Reply } from './node.ts';
import { bytesOf } from './partition.ts';

export type ControlOutcome =
  | { outcome: 'applied'; number: number; entry: LogEntry }
  | { outcome: 'stale'; current: StoredControl | undefined }
  | { outcome: 'not-empty'; liveJobs: number }
  | { outcome: 'lost' };

export function encodeControl(
  change: ControlChange,
  { now, mark, channel, origin, seen }: Stamp,
): Argument[] {
  const { kind, name, expectedVersion, record } = change;
  return [
    ...seenArguments(seen),
    kind,
    name,
    expectedVersion ?? '',
    record ? 0 : 1,
    record ? asBuffer(record) : '',
    encodeItem(controlEntry(0, 0, { kind, name, record: null }), []),
    now,
    mark,
    channel,
    origin,
  ];
}

export function decodeControl(
  change: ControlChange,
  partition: number,
  [outcome, value]: Reply[],
): ControlOutcome {
  switch (String(outcome)) {
    case 'applied': {
      const number = Number(value);
      return { outcome: 'applied', number, entry: controlEntry(partition, number, change) };
    }
    case 'not-empty':
      return { outcome: 'not-empty', liveJobs: Number(value) };
    case 'lost':
      return { outcome: 'lost' };
    default:
      return { outcome: 'stale', current: value ? storedOf(change.name, bytesOf(value)) : undefined };
  }
}

export function storedOf(name: string, stored: Buffer): StoredControl {
  return { name, version: stored.readUIntBE(0, 6), record: stored.subarray(6) };
}
