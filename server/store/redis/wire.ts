/**
 * How commands get to their server: to the one there is (behind Sentinel: that
 * is the master now), or in a Cluster to the one that has the partition.
 */
import type { RedisOptions } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../base/logger.ts';
import { ArmadaError } from '../../base/errors.ts';
import {
  type Command,
  hasMoved,
  newClient,
  type NodeEvents,
  openNode,
  ready,
  type RedisNode,
  type Replicas,
} from './node.ts';
import type { Wire } from './partition.ts';
import { createSubscriber } from './subscriber.ts';
import type { Address, RedisPlace } from './url.ts';

/** All connections of this process. */
export interface Connections extends Wire {
  /** Settings of every server with data, for the checks at the start. */
  info(): Promise<ServerInfo[]>;
  /** Names the server that has a partition. */
  serverOf(partition: number): string;
  /** Hears every message on a channel. */
  subscribe(channel: string, hear: (message: string) => void): Promise<void>;
  close(): void;
}

/** What a server says of itself. */
export interface ServerInfo {
  address: string;
  fields: Map<string, string>;
}

/** What connecting needs to know. */
export interface WireOptions {
  place: RedisPlace;
  /** What a write waits for, besides its answer. */
  replicas: () => Replicas | undefined;
  /** Called whenever commands may now reach another server, or the same one after a break. */
  onChange: () => void;
  logger: Logger;
}

/** Options of ioredis for a place, for one server of it. */
export function clientOptions(place: RedisPlace, address: Address | undefined): RedisOptions {
  const { username, password, tls, database } = place;
  const options: RedisOptions = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
    db: database,
  };
  if (place.kind !== 'sentinel') return { ...options, host: address?.host ?? '', port: address?.port ?? 0 };
  return {
    ...options,
    sentinels: place.addresses.map(({ host, port }) => ({ host, port })),
    name: place.masterName,
    ...(place.sentinelUsername !== undefined && { sentinelUsername: place.sentinelUsername }),
    ...(place.sentinelPassword !== undefined && { sentinelPassword: place.sentinelPassword }),
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
  };
}

/** Connects. Throws UNAVAILABLE when no server answers. */
export async function connect(options: WireOptions): Promise<Connections> {
  return options.place.kind === 'cluster' ? await connectCluster(options) : await connectOne(options);
}

/** Of one server. An outage is told when it begins and when it ends, not with every try. */
function nodeEvents({ onChange, logger }: WireOptions): NodeEvents {
  let isAway = false;
  return {
    onReady() {
      if (isAway) logger.warn({}, 'Redis can be reached again');
      isAway = false;
      onChange();
    },
    onError(error) {
      if (isAway) logger.debug({ err: error }, 'a connection to Redis has failed');
      else logger.warn({ reason: error.message }, 'the connection to Redis is lost; trying again');
      isAway = true;
    },
  };
}

async function connectOne(options: WireOptions): Promise<Connections> {
  const redisOptions = clientOptions(options.place, options.place.addresses[0]);
  const node = openNode(redisOptions, nodeEvents(options), options.replicas);
  const subscriber = createSubscriber(() => Promise.resolve(redisOptions), options.logger);
  try {
    await node.connected();
  } catch (error) {
    node.close();
    throw error;
  }
  return {
    read: (_, commands) => node.read(commands),
    write: (_, call) => node.write(call),
    serverOf: () => shownAddress(options.place.addresses[0]),
    info: async () => [await infoOf(node, shownAddress(options.place.addresses[0]))],
    subscribe: (channel, hear) => subscriber.subscribe(channel, hear),
    close() {
      node.close();
      subscriber.close();
    },
  };
}

function shownAddress(address: Address | undefined): string {
  return address ? `${address.host}:${address.port}` : '';
}

async function infoOf(node: RedisNode, address: string): Promise<ServerInfo> {
  const [reply] = await node.read([['INFO']]);
  const lines = String(reply).split('\r\n');
  const fields = new Map(
    lines.flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]];
    }),
  );
  const optional = async (command: Command): Promise<string[]> => {
    // Hosted servers, and users with few rights, refuse some questions: the answer is then not known.
    const [found] = await node.read([command]).catch(() => []);
    return Array.isArray(found) ? found.map(String) : String(found ?? '').split(/[:\r\n]+/);
  };
  const [, fsync] = await optional(['CONFIG', 'GET', 'appendfsync']);
  if (fsync !== undefined) fields.set('appendfsync', fsync);
  if (fields.get('cluster_enabled') === '1') {
    const [, state] = await optional(['CLUSTER', 'INFO']);
    fields.set('cluster_state', state ?? 'unknown');
  }
  return { address, fields };
}

/** How often, and how long between, the Cluster is asked where a partition has gone before a command is given up. */
const MAX_MOVES = 5;
const MOVE_MS = 50;
/** How long connecting to the servers of a Cluster may hold up whoever needs one of them. */
const CONNECT_MS = 1000;

async function connectCluster(options: WireOptions): Promise<Connections> {
  const { place, onChange } = options;
  const nodes = new Map<string, RedisNode>();
  let ranges: SlotRange[] = [];
  let learning: Promise<void> | undefined;
  let hasConnected = false;
  let isClosed = false;

  function nodeAt(address: string): RedisNode {
    let node = nodes.get(address);
    if (!node) {
      node = openNode(clientOptions(place, addressOf(address)), nodeEvents(options), options.replicas);
      nodes.set(address, node);
    }
    return node;
  }

  const addresses = (): string[] => [...new Set(ranges.map(({ owner }) => owner))];
  const ownerOf = (partition: number): string => {
    const slot = slotOfPartition(partition);
    const range = ranges.find(({ from, to }) => from <= slot && slot <= to);
    if (range) return range.owner;
    throw new ArmadaError('UNAVAILABLE', 'the Redis Cluster does not serve all of its slots');
  };

  /** Asks whichever server answers first which one has what. */
  async function learn(): Promise<void> {
    if (isClosed) throw new ArmadaError('UNAVAILABLE', 'the store is closed');
    const learnt = await askAny(place, [...addresses(), ...place.addresses.map(shownAddress)]);
    if (JSON.stringify(learnt) !== JSON.stringify(ranges)) onChange();
    ranges = learnt;
    // What is opened now would stay open.
    if (isClosed) return;
    const owners = addresses();
    for (const [address, node] of nodes) {
      if (owners.includes(address)) continue;
      nodes.delete(address);
      node.close();
    }
    // A server that has just died is an owner until it is replaced; nobody is to wait for it.
    const connecting = owners.map((address) => nodeAt(address).connected());
    await Promise.race([
      hasConnected ? Promise.allSettled(connecting) : Promise.all(connecting),
      sleep(CONNECT_MS, undefined, { ref: false }),
    ]);
    hasConnected = true;
  }

  const relearn = (): Promise<void> => (learning ??= learn().finally(() => (learning = undefined)));

  /** Has the owner of a partition do something, asking for a new owner where that one refuses. What has failed otherwise may have happened. */
  async function atOwner<Value>(partition: number, act: (node: RedisNode) => Promise<Value>): Promise<Value> {
    for (let moves = 0; ; moves++) {
      try {
        return await act(nodeAt(ownerOf(partition)));
      } catch (error) {
        if (!(error instanceof ArmadaError)) throw error;
        if (!hasMoved(error) || moves === MAX_MOVES) {
          // The next command may find another server in its place.
          void relearn().catch(() => {});
          throw error;
        }
        if (moves > 0) await sleep(MOVE_MS);
        await relearn();
      }
    }
  }

  await relearn();
  const subscriber = createSubscriber(async () => {
    await relearn();
    return clientOptions(place, addressOf(ownerOf(0)));
  }, options.logger);
  return {
    read: (partition, commands) => atOwner(partition, (node) => node.read(commands)),
    write: (partition, call) => atOwner(partition, (node) => node.write(call)),
    serverOf: ownerOf,
    info: () => Promise.all(addresses().map((address) => infoOf(nodeAt(address), address))),
    subscribe: (channel, hear) => subscriber.subscribe(channel, hear),
    close() {
      isClosed = true;
      for (const node of nodes.values()) node.close();
      subscriber.close();
    },
  };
}

function addressOf(text: string): Address {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

/** Slots of a Cluster and the server that has them. */
interface SlotRange {
  from: number;
  to: number;
  owner: string;
}

/** Asks several servers who has what; the first answer. */
async function askAny(place: RedisPlace, known: readonly string[]): Promise<SlotRange[]> {
  try {
    const answers = [...new Set(known)].map((address) =>
      askRanges(clientOptions(place, addressOf(address)), address),
    );
    return await Promise.any(answers);
  } catch (error) {
    const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
    if (first instanceof ArmadaError) throw first;
    throw new ArmadaError('UNAVAILABLE', 'no server of the Redis Cluster answers', { cause: error });
  }
}

/** Asks one server who has what. */
async function askRanges(options: RedisOptions, asked: string): Promise<SlotRange[]> {
  const client = newClient({ ...options, retryStrategy: () => null });
  client.on('error', () => {});
  try {
    await ready(client);
    const ranges = await client.cluster('SLOTS');
    return ranges.map(([from, to, master]) => {
      const [host, port] = master ?? ['', 0];
      // A server that does not know its own name is where it was asked.
      return { from, to, owner: `${host || addressOf(asked).host}:${port}` };
    });
  } finally {
    client.disconnect();
  }
}

/** Slot of a partition's hash tag: its CRC-16 (XMODEM), as Redis Cluster counts. */
export function slotOfPartition(partition: number): number {
  let crc = 0;
  for (const byte of Buffer.from(String(partition))) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc % 16_384;
}
