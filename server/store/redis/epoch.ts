/**
 * Whether Redis still has what this process has seen in it. After a failover, a
 * restored snapshot or a FLUSHALL it may not; then message ids must not come
 * twice, and whatever was derived from the lost part must be loaded again. So
 * the epoch is raised: every stream begins anew, as far as its ids tell.
 */
import { ArmadaError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { asBuffer, type Seen, seenArguments } from './append.ts';
import { partitionKey, storeKey } from './keys.ts';
import { bytesOf, listOf, type Partition, type Wire } from './partition.ts';
import { MAKE_STORE, RAISE_EPOCH, VERIFY } from './scripts/control.ts';

/** Raised with every change of the keys that older servers cannot read. */
export const LAYOUT = 2;
/** The layout of a store that is still being copied here: no server of any version starts on it. */
export const INCOMPLETE = 0;
const DEFAULT_PARTITIONS = 16;
/** More entries than any server can have seen of what was lost, and more terms than can have been taken. */
const LOST_NUMBERS = 1_000_000_000;

/** What is fixed when a store is made, and the newest entries. */
export interface Made {
  partitions: number;
  epochMs: number;
  /** What the servers of the store know each other by. */
  secret: Uint8Array;
}

/** Makes the store unless it is there. Throws for one of another layout or another number of partitions. */
export async function makeStore(
  wire: Wire,
  prefix: string,
  { now, wanted, secret }: { now: number; wanted: number | undefined; secret: Buffer },
): Promise<Made> {
  const parameters = [LAYOUT, wanted ?? DEFAULT_PARTITIONS, now, secret];
  const reply = listOf(await wire.write(0, { script: MAKE_STORE, key: storeKey(prefix), parameters }));
  const [layout = 0, partitions = 0, epochMs = 0] = reply.slice(0, 3).map(Number);
  refuseLayout(layout);
  if (wanted !== undefined && wanted !== partitions) {
    throw new ArmadaError('INVALID_REQUEST', 'the number of partitions is fixed when a store is made', {
      faults: [{ field: 'partitions', message: `must be ${partitions}, as in Redis, got ${wanted}` }],
    });
  }
  const key = (partition: number): string => partitionKey(prefix, partition);
  const raised = await Promise.all(
    Array.from({ length: partitions }, (_, i) =>
      wire.write(i, { script: RAISE_EPOCH, key: key(i), parameters: [epochMs, 0] }),
    ),
  );
  return { partitions, epochMs: Math.max(...raised.map(Number)), secret: bytesOf(reply[3] ?? null) };
}

/** Throws UNAVAILABLE for a store that this server must not touch. */
export function refuseLayout(layout: number): void {
  if (layout === INCOMPLETE) {
    throw new ArmadaError(
      'UNAVAILABLE',
      'the copy of a store into this place in Redis was not completed; run armada-server migrate again, or choose another prefix',
    );
  }
  if (layout !== LAYOUT) {
    throw new ArmadaError(
      'UNAVAILABLE',
      `the data in Redis has layout ${layout} and this server reads layout ${LAYOUT}; start the server version that last wrote it, or a newer one`,
    );
  }
}

/** Watches over one store. */
export interface Epoch {
  readonly epochMs: number;
  /** Commands may reach another copy of the data from now on: nothing is read before it was looked at. */
  suspect(): void;
  /** Resolves when the data is known to be what this process has seen, or was reloaded. */
  trusted(): Promise<void>;
  /** Looks at every partition; the heads. */
  verify(): Promise<number[]>;
  /** A partition lacks what this process has seen. Resolves when that has been dealt with. */
  lost(): Promise<void>;
}

export interface EpochParts {
  wire: Wire;
  prefix: string;
  partitions: readonly Partition[];
  now: () => number;
  seen: (partition: number) => Seen;
  /** Kept in memory too, so that the store has the same one after a loss. */
  secret: Uint8Array;
  /** The data is another one, with these newest entries: load everything again. */
  onLost: (newest: Seen[]) => void;
  logger: Logger;
}

export function watchEpoch(parts: EpochParts, startMs: number): Epoch {
  const { wire, prefix, partitions, now, seen, secret, onLost, logger } = parts;
  let epochMs = startMs;
  /** How often there was reason to look, and up to which of these the data is known to be what was seen. */
  let suspicions = 0;
  let cleared = 0;
  let looking: Promise<number[]> | undefined;
  let dealing: Promise<void> | undefined;

  async function look(): Promise<number[]> {
    const asked = suspicions;
    const answers = await Promise.all(
      partitions.map(async (partition) => {
        const before = seen(partition.number);
        const [reply] = await wire.read(partition.number, [
          { script: VERIFY, key: partition.key, parameters: seenArguments(before) },
        ]);
        const [isLost, head = 0, epoch = 0] = listOf(reply ?? null).map(Number);
        return { isLost: isLost === 1 || epoch !== epochMs, head };
      }),
    );
    if (answers.some(({ isLost }) => isLost)) await lost();
    else cleared = Math.max(cleared, asked);
    return answers.map(({ head }) => head);
  }

  async function deal(): Promise<void> {
    // Until this has gone well, nothing may be read.
    const asked = ++suspicions;
    logger.error({ store: prefix }, 'Redis has lost data that was there before; everything is loaded again');
    // What is missing altogether is made with the epoch that is known; another server may have raised it already.
    const fixed = { now: epochMs, wanted: partitions.length, secret: asBuffer(secret) };
    const made = await makeStore(wire, prefix, fixed);
    const raised = made.epochMs > epochMs ? made.epochMs : Math.max(now(), epochMs + 1);
    await raiseEpoch(wire, partitions, raised);
    epochMs = raised;
    onLost(await newestOf(wire, partitions));
    cleared = Math.max(cleared, asked);
  }

  const lost = (): Promise<void> => (dealing ??= deal().finally(() => (dealing = undefined)));
  const verify = (): Promise<number[]> => (looking ??= look().finally(() => (looking = undefined)));

  return {
    get epochMs() {
      return epochMs;
    },
    suspect() {
      suspicions++;
    },
    async trusted() {
      if (dealing) await dealing;
      // What comes back while it is looked at was not looked at.
      while (cleared < suspicions) await verify();
    },
    verify,
    lost,
  };
}

/** Begins every log anew, unless that was done for this epoch or a later one. */
export async function raiseEpoch(
  wire: Wire,
  partitions: readonly Partition[],
  epochMs: number,
): Promise<void> {
  const parameters = [epochMs, LOST_NUMBERS];
  await Promise.all(
    partitions.map(({ number, key }) => wire.write(number, { script: RAISE_EPOCH, key, parameters })),
  );
}

/** The newest entry of every partition. */
export async function newestOf(wire: Wire, partitions: readonly Partition[]): Promise<Seen[]> {
  return await Promise.all(
    partitions.map(async ({ number, key }) => {
      const [reply] = await wire.read(number, [['HMGET', key, 'head', 'mark']]);
      const [head, mark] = listOf(reply ?? null);
      return { number: Number(head), mark: Buffer.isBuffer(mark) ? mark : Buffer.alloc(0) };
    }),
  );
}
