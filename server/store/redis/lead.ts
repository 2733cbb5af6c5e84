import { ArmadaError } from '../../base/errors.ts';
import type { Candidate, Lead } from '../store.ts';
import type { Epoch } from './epoch.ts';
import { channelOf, storeKey } from './keys.ts';
import { listOf, type Partition, type Wire } from './partition.ts';
import { SEAL } from './scripts/control.ts';
import { TAKE_TERM } from './scripts/servers.ts';
import { askServers } from './servers.ts';

export interface LeadParts {
  wire: Wire;
  prefix: string;
  partitions: readonly Partition[];
  epoch: Epoch;
}

/**
 * Takes the next term and seals every partition with it; undefined when another
 * server has taken a later one than the candidate has seen, or is just doing so.
 * Throws UNAVAILABLE where data was lost that this process has not noticed yet.
 */
export async function takeLead(
  { wire, prefix, partitions, epoch }: LeadParts,
  { serverId, after }: Candidate,
): Promise<Lead | undefined> {
  // Who is about to load everything anew had better lead after that.
  const { epochMs } = epoch;
  await epoch.verify();
  if (epoch.epochMs !== epochMs) {
    throw new ArmadaError(
      'UNAVAILABLE',
      'Redis has lost data; everything is loaded anew before anybody leads',
    );
  }
  const terms = await Promise.all(
    partitions.map(async ({ number, key }) => {
      const [reply] = await wire.read(number, [['HGET', key, 'term']]);
      return Number(reply ?? 0);
    }),
  );
  const key = storeKey(prefix);
  const { outcome, values } = await askServers(
    { run: (script, parameters) => wire.write(0, { script, key, parameters }), epoch },
    TAKE_TERM,
    [serverId, after, Math.max(...terms), channelOf(prefix)],
  );
  if (outcome !== 'taken') return undefined;
  const term = Number(values[0]);
  const answers = await Promise.all(partitions.map((partition) => partition.write(SEAL, [term])));
  if (!answers.every(([sealed]) => String(sealed) === 'applied')) return undefined;
  return { term, heads: answers.map((answer) => Number(listOf(answer)[1])) };
}
