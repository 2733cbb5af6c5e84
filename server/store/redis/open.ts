/**
 * The store in Redis, for one server or several: one Redis, one behind Sentinel,
 * or a Cluster. What is kept where, keys.ts tells; what is atomic, scripts/.
 */
import type { Batch, LogEntry } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import { ArmadaError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { appliedEntry, specBytes } from '../entries.ts';
import type {
  AcknowledgementLevel,
  AppendResult,
  ControlChange,
  ControlResult,
  Positions,
  Store,
} from '../store.ts';
import { createRing, followLog } from '../tail.ts';
import { decodeAppend, encodeAppend, type Stamp } from './append.ts';
import { acknowledgementOf, checkServers } from './checks.ts';
import { decodeControl, encodeControl } from './control.ts';
import { createFeed, type Feed } from './feed.ts';
import { type Epoch, makeStore, type Made, newestOf, watchEpoch } from './epoch.ts';
import { createJobReader, type JobReader } from './jobs.ts';
import { channelOf, partitionKey, partitionOfQueue } from './keys.ts';
import { takeLead } from './lead.ts';
import { type LogPage, readLog } from './log.ts';
import type { Argument } from './node.ts';
import { createPartition, type Partition, type Wire } from './partition.ts';
import { createPending } from './pending.ts';
import { createReader } from './read.ts';
import { createTemplates } from './records.ts';
import { APPEND } from './scripts/append.ts';
import { CONTROL } from './scripts/control.ts';
import { createTrim } from './trim.ts';
import { parseRedisUrl, shownPlace } from './url.ts';
import { connect, type Connections } from './wire.ts';

/** How to open a store in Redis. */
export interface RedisOptions {
  /** See url.ts. */
  url: string;
  /** The strongest that Redis can give when left out. */
  acknowledgement?: AcknowledgementLevel;
  clock: Clock;
  logger: Logger;
  /** For a new store, 16 when left out; an existing one must have as many. */
  partitions?: number;
  limits?: Partial<RedisLimits>;
}

/** What is held in memory at most. */
export interface RedisLimits {
  /** Batches that Redis has not answered; past it appends are refused as OVERLOADED. */
  pendingBytes: number;
  /** Newest log entries, for followers. */
  tailEntries: number;
  tailBytes: number;
}

const DEFAULT_LIMITS: RedisLimits = {
  pendingBytes: 64 * 1024 * 1024,
  tailEntries: 16_384,
  tailBytes: 16 * 1024 * 1024,
};

/** How long replicas may take. */
const REPLICAS = { count: 1, timeoutMs: 2000 };

/**
 * Opens the store, making it if there is none. Throws INVALID_REQUEST for
 * settings it cannot meet, UNAVAILABLE when Redis is away or must not be used.
 */
export async function openRedisStore(options: RedisOptions): Promise<Store> {
  const { clock, logger } = options;
  const place = parseRedisUrl(options.url);
  const now = (): number => Math.floor(clock.now());
  let level = options.acknowledgement;
  let onChange = (): void => {};
  const wire = await connect({
    place,
    replicas: () => (level === 'replicated' ? REPLICAS : undefined),
    onChange: () => onChange(),
    logger,
  });
  try {
    const servers = await wire.info();
    for (const warning of checkServers(servers)) logger.warn({}, warning);
    level = acknowledgementOf(servers, options.acknowledgement);
    const made = await makeStore(wire, place.prefix, { now: now(), wanted: options.partitions });
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const name = shownPlace(place);
    logger.info({ store: name, acknowledgement: level, ...made }, 'store open');
    const opened = await createStore({
      name,
      acknowledgement: level,
      wire,
      prefix: place.prefix,
      made,
      limits,
      now,
      logger,
    });
    onChange = opened.suspect;
    return opened.store;
  } catch (error) {
    wire.close();
    throw error;
  }
}

interface Parts {
  name: string;
  acknowledgement: AcknowledgementLevel;
  wire: Connections;
  prefix: string;
  made: Made;
  limits: RedisLimits;
  now: () => number;
  logger: Logger;
}

async function createStore(parts: Parts): Promise<{ store: Store; suspect: () => void }> {
  const { name, acknowledgement, wire, prefix, made, limits, now, logger } = parts;
  const trusting: Wire = {
    ...wire,
    async read(partition, commands) {
      await epoch.trusted();
      return await wire.read(partition, commands);
    },
  };
  const partitions = Array.from({ length: made.partitions }, (_, i) =>
    createPartition(trusting, i, partitionKey(prefix, i)),
  );
  const newest = await newestOf(wire, partitions);
  const ring = createRing(
    newest.map(({ number }) => number),
    limits.tailEntries,
    limits.tailBytes,
  );
  const reader = createJobReader(partitions);
  const page = (partition: number, after: number) => readLog(at(partitions, partition), after, reader.jobs);
  const feed = createFeed(ring, newest, { look: () => epoch.verify(), page, logger });
  const epoch = watchEpoch(
    {
      wire,
      prefix,
      partitions,
      now,
      seen: (partition) => feed.seen(partition),
      onLost(newestNow) {
        reader.forget();
        feed.restart(newestNow);
      },
      logger,
    },
    made.epochMs,
  );
  const pending = createPending(limits.pendingBytes);
  const origin = randomBytes(6).toString('hex');
  const channel = channelOf(prefix);
  await wire.subscribe(channel, (message) => {
    const [partition, number, writer] = message.split(':');
    if (writer !== origin) feed.heard(Number(partition), Number(number));
  });
  const writing: Writing = {
    partitions,
    feed,
    epoch,
    templateOf: createTemplates(),
    stamp: (partition) => ({
      now: now(),
      mark: randomBytes(8),
      channel,
      origin,
      seen: feed.seen(partition),
    }),
  };
  const heads = async (): Promise<number[]> =>
    (await newestOf(trusting, partitions)).map(({ number }) => number);
  const trim = createTrim(partitions, reader);
  const failure = Promise.withResolvers<never>();
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    await pending.drained();
    feed.close();
    ring.close();
    wire.close();
  }

  const store: Store = {
    info: {
      name,
      partitions: made.partitions,
      acknowledgement,
      get epochMs() {
        return epoch.epochMs;
      },
    },
    read: createReader(partitions, reader),
    append: (batch) => {
      const isUrgent = batch.term !== undefined || batch.submitted.length === 0;
      return pending.add(specBytes(batch), isUrgent, () => append(writing, batch, reader));
    },
    control: (change) => pending.add(change.record?.length ?? 0, true, () => control(writing, change)),
    lead: () => pending.add(0, true, () => takeLead(trusting, prefix, partitions)),
    heads,
    tail: (from, signal) => {
      const isOver = (): boolean => signal.aborted || ring.closed;
      const headsThen = async () => (await untilAnswered(heads, isOver)) ?? [];
      const pageThen = (positions: Positions) => untilAnswered(() => pageOf(feed, page, positions), isOver);
      return followLog({ ring, heads: headsThen, page: pageThen }, from, signal);
    },
    trim: (at, retention) => pending.add(0, false, () => trim(at, retention)),
    failed: failure.promise,
    close() {
      pending.close();
      return (closing ??= close());
    },
  };
  return { store, suspect: () => epoch.suspect() };
}

function at(partitions: readonly Partition[], number: number): Partition {
  const partition = partitions[number];
  assert(partition, `partition ${number} is not there`);
  return partition;
}

interface Writing {
  partitions: readonly Partition[];
  feed: Feed;
  epoch: Epoch;
  templateOf: ReturnType<typeof createTemplates>;
  stamp: (partition: number) => Stamp;
}

async function append(writing: Writing, batch: Batch, reader: JobReader): Promise<AppendResult> {
  const { partitions, feed, epoch, templateOf, stamp } = writing;
  await epoch.trusted();
  const number = partitionOfQueue(batch.queue, partitions.length);
  const stamped = stamp(number);
  const parameters = encodeAppend(batch, stamped, { partitions: partitions.length, templateOf });
  const outcome = decodeAppend(batch, number, await at(partitions, number).write(APPEND, parameters));
  switch (outcome.outcome) {
    case 'applied': {
      const entry = appliedEntry(batch, outcome);
      await feed.wrote(entry, stamped.mark, bytesOf(parameters) - specBytes(batch));
      return { outcome: 'applied', entry };
    }
    case 'stale':
      return { outcome: 'stale', current: await reader.complete(number, outcome.current) };
    case 'lost':
      throw await lost(epoch);
    case 'repeated':
    case 'no-queue':
    case 'claimed':
    case 'sealed':
      return outcome;
  }
}

async function control(
  { partitions, feed, epoch, stamp }: Writing,
  change: ControlChange,
): Promise<ControlResult> {
  await epoch.trusted();
  const number = partitionOfQueue(change.name, partitions.length);
  const stamped = stamp(number);
  const reply = await at(partitions, number).write(CONTROL, encodeControl(change, stamped));
  const outcome = decodeControl(change, number, reply);
  if (outcome.outcome === 'lost') throw await lost(epoch);
  if (outcome.outcome !== 'applied') return outcome;
  await feed.wrote(outcome.entry, stamped.mark, change.record?.length ?? 0);
  return { outcome: 'applied', version: outcome.number };
}

/** What to tell who was about to write to data that is not what it was. */
async function lost(epoch: Epoch): Promise<ArmadaError> {
  await epoch.lost();
  return new ArmadaError('UNAVAILABLE', 'Redis has lost data; what this was derived from may be gone');
}

function bytesOf(parameters: readonly Argument[]): number {
  return parameters.reduce<number>((sum, each) => sum + (typeof each === 'number' ? 8 : each.length), 0);
}

/** A page of the first partition in which a follower is behind the feed. */
async function pageOf(
  feed: Feed,
  page: (partition: number, after: number) => Promise<LogPage | undefined>,
  positions: Positions,
): Promise<LogEntry[] | undefined> {
  for (const [partition, position] of positions.entries()) {
    if (position >= feed.seen(partition).number) continue;
    const found = await page(partition, position);
    if (!found || found.entries.length > 0) return found?.entries;
  }
  return [];
}

/** Between two tries of a reader that has nothing else to do than to wait for Redis. */
const RETRY_MS = 200;

/** Reads until Redis answers; undefined when the reader is over before. */
async function untilAnswered<Value>(
  read: () => Promise<Value>,
  isOver: () => boolean,
): Promise<Value | undefined> {
  while (!isOver()) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ArmadaError) || error.code !== 'UNAVAILABLE') throw error;
    }
    await sleep(RETRY_MS, undefined, { ref: false });
  }
  return undefined;
}
