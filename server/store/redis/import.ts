/**
 * Filling a place in Redis with a store: see ../copy.ts. Its record says that it is
 * incomplete until all is there and checked, so no server starts on it before.
 */
import { randomBytes } from 'node:crypto';
import { ArmadaError } from '../../base/errors.ts';
import { type Logger, silentLogger } from '../../base/logger.ts';
import type { Import, StoreNumbers } from '../copy.ts';
import { acknowledgementOf, checkServers } from './checks.ts';
import { INCOMPLETE, LAYOUT } from './epoch.ts';
import { exportOf } from './export.ts';
import { partitionKey, storeKey } from './keys.ts';
import { bytesOf, listOf, type Wire } from './partition.ts';
import { createPuts, type PutCall } from './put.ts';
import { RAISE_EPOCH } from './scripts/control.ts';
import { BEGIN_PARTITION, BEGIN_STORE, END_PARTITION, END_STORE } from './scripts/copy.ts';
import { parseRedisUrl, shownPlace } from './url.ts';
import { connect } from './wire.ts';

/** Calls on their way at once: enough to keep Redis busy while more is read, and a few megabytes. */
const MAX_CALLS = 8;

/** How long replicas may take. */
const REPLICAS = { count: 1, timeoutMs: 4000 };

/**
 * Looks at a place that is to be filled, and changes nothing yet. Throws
 * INVALID_REQUEST for the URL, UNAVAILABLE when there is a store already, or
 * when Redis must not be used.
 */
export async function openRedisImport({ url, logger }: { url: string; logger: Logger }): Promise<Import> {
  const place = parseRedisUrl(url);
  const { prefix } = place;
  const name = shownPlace(place);
  let isReplicated = false;
  const wire = await connect({
    place,
    replicas: () => (isReplicated ? REPLICAS : undefined),
    onChange: () => {},
    // A connection that breaks ends the migration, and that is told.
    logger: silentLogger,
  });
  try {
    const servers = await wire.info();
    for (const warning of checkServers(servers)) logger.warn({}, warning);
    isReplicated = acknowledgementOf(servers, undefined) === 'replicated';
    const [layout] = await wire.read(0, [['HGET', storeKey(prefix), 'layout']]);
    const [isThere] = await wire.read(0, [['EXISTS', partitionKey(prefix, 0)]]);
    const isIncomplete = layout !== null && Number(layout) === INCOMPLETE;
    if (!isIncomplete && (layout !== null || isThere === 1)) throw occupied(name);
  } catch (error) {
    wire.close();
    throw error;
  }
  const target: Target = { wire, prefix, name, token: randomBytes(8).toString('hex'), partitions: 0 };
  let epochMs = 0;
  const calls = createCalls(target);
  const puts = createPuts(() => target.partitions);
  return {
    name,
    async begin(numbers) {
      target.partitions = numbers.logs.length;
      ({ epochMs } = numbers);
      await begin(target, numbers);
    },
    async put(part) {
      // Parts of one kind may be written in any order, but for the parts of one stream.
      const isAlone = part.kind === 'stream' && !part.isFirst;
      if (isAlone || calls.kind !== part.kind) await calls.drained();
      calls.kind = part.kind;
      for (const call of puts(part)) await calls.add(call);
    },
    async written() {
      await calls.drained();
      return await exportOf(target, () => {});
    },
    complete: () => complete(target, epochMs),
    close: async () => wire.close(),
  };
}

interface Target {
  wire: Wire;
  prefix: string;
  name: string;
  /** Tells this import from others. */
  token: string;
  partitions: number;
}

function occupied(name: string): ArmadaError {
  return new ArmadaError(
    'UNAVAILABLE',
    `there is a store at ${name} already; choose another prefix (?prefix=team-a:), database or server, or remove it`,
  );
}

async function begin(target: Target, { epochMs, logs }: StoreNumbers): Promise<void> {
  const { wire, prefix, token, name } = target;
  const [before] = await wire.read(0, [['HGET', storeKey(prefix), 'partitions']]);
  const begun = await wire.write(0, {
    script: BEGIN_STORE,
    key: storeKey(prefix),
    parameters: [INCOMPLETE, logs.length],
  });
  if (begun !== 1) throw occupied(name);
  for (let number = 0; number < Math.max(logs.length, Number(before ?? 0)); number++) {
    await removeKeys(wire, number, partitionKey(prefix, number));
  }
  for (const [number, { head, term, removedStreamMs }] of logs.entries()) {
    const key = partitionKey(prefix, number);
    await wire.write(number, { script: RAISE_EPOCH, key, parameters: [epochMs, 0] });
    const parameters = [token, head, term, removedStreamMs];
    await wire.write(number, { script: BEGIN_PARTITION, key, parameters });
  }
}

/** Removes what an import that was broken off has left of a partition; but not the record of the store, which lies with the first. */
async function removeKeys(wire: Wire, partition: number, key: string): Promise<void> {
  const pattern = `${key.replaceAll(/[\\*?[\]]/g, '\\$&')}*`;
  let cursor = '0';
  do {
    const [reply] = await wire.read(partition, [['SCAN', cursor, 'MATCH', pattern, 'COUNT', 1000]]);
    const [next = null, found = null] = listOf(reply ?? null);
    const keys = listOf(found)
      .map(bytesOf)
      .filter((each) => String(each) !== `${key}:store`);
    if (keys.length > 0) await wire.read(partition, [['UNLINK', ...keys]]);
    cursor = String(next);
  } while (cursor !== '0');
}

async function complete(target: Target, epochMs: number): Promise<void> {
  const { wire, prefix, token, partitions, name } = target;
  for (let number = 0; number < partitions; number++) {
    const key = partitionKey(prefix, number);
    checkReply(await wire.write(number, { script: END_PARTITION, key, parameters: [token] }), name);
  }
  const parameters = [LAYOUT, partitions, epochMs];
  await wire.write(0, { script: END_STORE, key: storeKey(prefix), parameters });
}

/** Throws UNAVAILABLE when the partition is another import's by now. */
function checkReply(reply: Parameters<typeof listOf>[0], name: string): void {
  if (String(listOf(reply)[0]) === 'copied') return;
  throw new ArmadaError('UNAVAILABLE', `another migration into ${name} has begun; only the last one goes on`);
}

/** Calls on their way. */
interface Calls {
  /** What the last of them were about. */
  kind: string;
  /** Sends a call, once there are few enough others on their way. Throws what any call before has failed with. */
  add(call: PutCall): Promise<void>;
  drained(): Promise<void>;
}

function createCalls({ wire, prefix, token, name }: Target): Calls {
  const waiting = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  async function send({ partition, script, parameters }: PutCall): Promise<void> {
    const key = partitionKey(prefix, partition);
    checkReply(await wire.write(partition, { script, key, parameters: [token, ...parameters] }), name);
  }
  const throwFailure = (): void => {
    if (failure) throw failure.error;
  };
  return {
    kind: '',
    async add(call) {
      while (waiting.size >= MAX_CALLS) await Promise.race(waiting);
      throwFailure();
      const sent: Promise<void> = send(call)
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => waiting.delete(sent));
      waiting.add(sent);
    },
    async drained() {
      await Promise.all(waiting);
      throwFailure();
    },
  };
}
