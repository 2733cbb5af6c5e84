import { ArmadaError } from '../../base/errors.ts';
import { storeKey } from './keys.ts';
import { listOf, type Partition, type Wire } from './partition.ts';
import { SEAL, TAKE_TERM } from './scripts/control.ts';

/** Later leaders that may get in the way of one. */
const MAX_TRIES = 5;

/** Takes a term that nobody has had and seals every partition with it; their heads. */
export async function takeLead(
  wire: Wire,
  prefix: string,
  partitions: readonly Partition[],
): Promise<{ term: number; heads: number[] }> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const terms = await Promise.all(
      partitions.map(async ({ number, key }) => {
        const [reply] = await wire.read(number, [['HGET', key, 'term']]);
        return Number(reply ?? 0);
      }),
    );
    const parameters = [Math.max(...terms)];
    const term = Number(await wire.write(0, { script: TAKE_TERM, key: storeKey(prefix), parameters }));
    const answers = await Promise.all(partitions.map((partition) => partition.write(SEAL, [term])));
    if (answers.every(([outcome]) => String(outcome) === 'applied')) {
      return { term, heads: answers.map((answer) => Number(listOf(answer)[1])) };
    }
  }
  throw new ArmadaError('UNAVAILABLE', 'other servers are taking the lead at the same time');
}
