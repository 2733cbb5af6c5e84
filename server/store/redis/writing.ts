/** Writing: what a batch or a control change comes to, once the newest entry is where followers find it. */
import type { Batch } from '@armada-ts/api/armada/store/v1/store';
import { ArmadaError } from '../../base/errors.ts';
import { appliedEntry, followedBytes } from '../entries.ts';
import { stampPacked } from '../packed-jobs.ts';
import type { AppendResult, ControlChange, ControlResult } from '../store.ts';
import { decodeAppend, encodeAppend, type Stamp } from './append.ts';
import { decodeControl, encodeControl } from './control.ts';
import type { Epoch } from './epoch.ts';
import type { Feed } from './feed.ts';
import { type Partition, partitionOf } from './partition.ts';
import type { TemplateFinder } from './records.ts';
import type { Room } from './room.ts';
import { APPEND, APPEND_VITAL } from './scripts/append.ts';
import { CONTROL } from './scripts/control.ts';
import type { Templates } from './templates.ts';

/** What writing needs. */
export interface Writing {
  partitions: readonly Partition[];
  feed: Feed;
  epoch: Epoch;
  templateOf: TemplateFinder;
  templates: Templates;
  stamp: (partition: number) => Stamp;
  room: Room;
}

export async function append(writing: Writing, batch: Batch, encoded?: Uint8Array): Promise<AppendResult> {
  const { partitions, feed, epoch, templateOf, templates, stamp, room } = writing;
  await epoch.trusted();
  const partition = partitionOf(partitions, batch.queue);
  const addsJobs = batch.submitted.length > 0;
  if (addsJobs) room.check(partition);
  const { number } = partition;
  const stamped = stamp(number);
  const sent = encodeAppend(batch, stamped, { partitions: partitions.length, templateOf, encoded });
  const outcome = decodeAppend(
    batch,
    number,
    await partition.write(addsJobs ? APPEND : APPEND_VITAL, sent.parameters),
  );
  switch (outcome.outcome) {
    case 'applied': {
      stampPacked(sent.packed, outcome.number, batch.submitted.length);
      const entry = appliedEntry(batch, outcome, sent.packed);
      await feed.wrote(entry, stamped.mark, sent.followedBytes);
      return { outcome: 'applied', entry };
    }
    case 'stale':
      return { outcome: 'stale', current: await templates.complete(number, outcome.current) };
    case 'lost':
      throw await lost(epoch);
    case 'repeated':
    case 'no-queue':
    case 'claimed':
    case 'sealed':
      return outcome;
  }
}

export async function control(
  { partitions, feed, epoch, stamp }: Writing,
  change: ControlChange,
): Promise<ControlResult> {
  await epoch.trusted();
  const partition = partitionOf(partitions, change.name);
  const { number } = partition;
  const stamped = stamp(number);
  const reply = await partition.write(CONTROL, encodeControl(change, stamped));
  const outcome = decodeControl(change, number, reply);
  if (outcome.outcome === 'lost') throw await lost(epoch);
  if (outcome.outcome !== 'applied') return outcome;
  await feed.wrote(outcome.entry, stamped.mark, followedBytes(change.record?.length ?? 0, 0));
  return { outcome: 'applied', version: outcome.number };
}

/** What to tell who was about to write to data that is not what it was. */
async function lost(epoch: Epoch): Promise<ArmadaError> {
  await epoch.lost();
  return new ArmadaError('UNAVAILABLE', 'Redis has lost data; what this was derived from may be gone');
}
