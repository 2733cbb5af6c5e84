/**
 * What servers find out by themselves when they run, said by people for a time
 * when none did: this data is older than what was told of it.
 */
import { ArmadaError } from '../../base/errors.ts';
import { silentLogger } from '../../base/logger.ts';
import { raiseEpoch, refuseLayout } from './epoch.ts';
import { partitionKey, storeKey } from './keys.ts';
import { createPartition, listOf } from './partition.ts';
import { parseRedisUrl, shownPlace } from './url.ts';
import { connect } from './wire.ts';

/** Begins a new epoch. Throws INVALID_REQUEST for the URL, UNAVAILABLE when there is no store. @returns the place, for people */
export async function declareRestored(url: string, now: number): Promise<string> {
  const place = parseRedisUrl(url);
  const name = shownPlace(place);
  const wire = await connect({ place, replicas: () => undefined, onChange: () => {}, logger: silentLogger });
  try {
    const [stored] = await wire.read(0, [['HMGET', storeKey(place.prefix), 'layout', 'partitions', 'epoch']]);
    const [layout, count, epoch] = listOf(stored ?? null);
    if (layout === null) throw new ArmadaError('UNAVAILABLE', `there is no store at ${name}`);
    refuseLayout(Number(layout));
    const partitions = Array.from({ length: Number(count) }, (_, i) =>
      createPartition(wire, i, partitionKey(place.prefix, i)),
    );
    const [first] = await wire.read(0, [['HGET', partitionKey(place.prefix, 0), 'epoch']]);
    await raiseEpoch(wire, partitions, Math.max(now, Number(epoch) + 1, Number(first) + 1));
    return name;
  } finally {
    wire.close();
  }
}
