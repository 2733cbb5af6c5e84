/**
 * The store in Redis, for one server or several: one Redis, one behind Sentinel,
 * or a Cluster. What is kept where, keys.ts tells; what is atomic, scripts/.
 */
import { randomBytes } from 'node:crypto';
import type { Logger } from '../../base/logger.ts';
import { batchBytes, followedBytes } from '../entries.ts';
import type { OpenOptions } from '../options.ts';
import type { AcknowledgementLevel, Candidate, Lead, Store } from '../store.ts';
import { createRing, TAIL_LIMITS, type TailLimits } from '../tail.ts';
import type { Stamp } from './append.ts';
import { acknowledgementOf, checkServers } from './checks.ts';
import { makeStore, type Made, newestOf, watchEpoch } from './epoch.ts';
import { createFeed } from './feed.ts';
import { createJobReader } from './jobs.ts';
import { channelOf, partitionKey } from './keys.ts';
import { takeLead } from './lead.ts';
import { readLog } from './log.ts';
import { createPartition, partitionAt, type Wire } from './partition.ts';
import { createPending } from './pending.ts';
import { createReader } from './read.ts';
import { createServers, SERVERS_MESSAGE } from './servers.ts';
import { createRoom } from './room.ts';
import { createTemplates } from './records.ts';
import { type Following, tail } from './tail.ts';
import { createTrim } from './trim.ts';
import { parseRedisUrl, shownPlace } from './url.ts';
import { connect, type Connections } from './wire.ts';
import { append, control, type Writing } from './writing.ts';

/** How to open a store in Redis. */
export interface RedisOptions extends OpenOptions<RedisLimits> {
  /** See url.ts. */
  url: string;
  /** The strongest that Redis can give when left out. */
  acknowledgement?: AcknowledgementLevel;
}

/** What is held in memory at most. */
export interface RedisLimits extends TailLimits {
  /** Batches that Redis has not answered; past it appends are refused as OVERLOADED. */
  pendingBytes: number;
}

const DEFAULT_LIMITS: RedisLimits = { ...TAIL_LIMITS, pendingBytes: 64 * 1024 * 1024 };

/** As many as a hash by which servers know each other. */
const SECRET_BYTES = 32;

/** For how long after a loss of data it is told to whoever asks how the store is. */
const LOSS_TOLD_MS = 60 * 60 * 1000;

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
    const made = await makeStore(wire, place.prefix, {
      now: now(),
      wanted: options.partitions,
      secret: randomBytes(SECRET_BYTES),
    });
    const { partitions, epochMs } = made;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const name = shownPlace(place);
    logger.info({ store: name, acknowledgement: level, partitions, epochMs }, 'store open');
    const opened = await createStore({
      name,
      acknowledgement: level,
      wire,
      prefix: place.prefix,
      made,
      limits,
      now,
      elapsed: () => clock.elapsed(),
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
  elapsed: () => number;
  logger: Logger;
}

async function createStore(parts: Parts): Promise<{ store: Store; suspect: () => void }> {
  const { name, acknowledgement, wire, prefix, made, limits, now, elapsed, logger } = parts;
  const { partitions, trusting, reader, ring, feed, epoch, following, lossNotices } =
    await createFollowing(parts);
  const { servers, heard } = createServers({ wire: trusting, prefix, epoch }, made.secret);
  const origin = randomBytes(6).toString('hex');
  const channel = channelOf(prefix);
  try {
    await wire.subscribe(channel, (message) => {
      if (message === SERVERS_MESSAGE) return heard();
      const [partition, number, writer] = message.split(':');
      if (writer !== origin) feed.heard(Number(partition), Number(number));
    });
  } catch (error) {
    feed.close();
    throw error;
  }
  const stamp = (partition: number): Stamp => ({
    now: now(),
    mark: randomBytes(8),
    channel,
    origin,
    seen: feed.seen(partition),
  });
  const writing: Writing = {
    partitions,
    feed,
    epoch,
    templateOf: createTemplates(),
    templates: reader,
    stamp,
    room: createRoom(wire, elapsed, logger),
  };
  const pending = createPending(limits.pendingBytes);
  const trim = createTrim(partitions, reader);
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    await pending.drained();
    feed.close();
    ring.close();
    wire.close();
  }

  /** What was in the log when it was sealed is on its way to followers when this resolves. */
  async function lead(candidate: Candidate): Promise<Lead | undefined> {
    const led = await takeLead({ wire: trusting, prefix, partitions, epoch }, candidate);
    for (const [partition, head] of led?.heads.entries() ?? []) feed.heard(partition, head);
    return led;
  }

  const store: Store = {
    info: {
      name,
      partitions: made.partitions,
      acknowledgement,
      get epochMs() {
        return epoch.epochMs;
      },
      get notices() {
        return [...lossNotices(), ...writing.room.notices()];
      },
    },
    read: createReader(partitions, reader),
    servers,
    append: (batch, encoded) => {
      const isUrgent = batch.term !== undefined || batch.submitted.length === 0;
      return pending.add(batchBytes(batch), isUrgent, () => append(writing, batch, encoded));
    },
    control: (change) =>
      pending.add(followedBytes(change.record?.length ?? 0, 0), true, () => control(writing, change)),
    lead: (candidate) => pending.add(0, true, () => lead(candidate)),
    heads: following.heads,
    tail: (from, signal) => tail(following, from, signal),
    trim: (at, retention) => pending.add(0, true, () => trim(at, retention)),
    // Whatever happens to Redis, this process can wait for it.
    failed: new Promise(() => {}),
    close() {
      pending.close();
      return (closing ??= close());
    },
  };
  return { store, suspect: () => epoch.suspect() };
}

/** Everything that reads, and the ring that is fed from now on. */
async function createFollowing({ wire, prefix, made, limits, now, elapsed, logger }: Parts) {
  let lostMs = Number.NEGATIVE_INFINITY;
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
  const heads = newest.map(({ number }) => number);
  const ring = createRing(heads, limits);
  const reader = createJobReader(partitions);
  const page = (partition: number, after: number) =>
    readLog(partitionAt(partitions, partition), after, reader.jobs);
  const feed = createFeed(ring, newest, { look: () => epoch.verify(), page, logger });
  const epoch = watchEpoch(
    {
      wire,
      prefix,
      partitions,
      now,
      secret: made.secret,
      seen: (partition) => feed.seen(partition),
      onLost(newestNow) {
        lostMs = elapsed();
        reader.forget();
        feed.restart(newestNow);
      },
      logger,
    },
    made.epochMs,
  );
  const following: Following = {
    ring,
    feed,
    page,
    heads: async () => (await newestOf(trusting, partitions)).map(({ number }) => number),
  };
  const lossNotices = (): string[] => {
    if (elapsed() - lostMs > LOSS_TOLD_MS) return [];
    const at = new Date(epoch.epochMs).toISOString();
    return [`Redis has lost data, as was noticed at ${at}; what is missing has to be submitted again`];
  };
  return { partitions, trusting, reader, ring, feed, epoch, following, lossNotices };
}
