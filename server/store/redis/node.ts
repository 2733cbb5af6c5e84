/**
 * One Redis server, as this process talks to it: a connection for reading and
 * one for writing, so that waiting for replicas (which holds up its connection)
 * never holds up a read. Nothing is sent twice and nothing is kept for later:
 * a command whose connection breaks has an unknown outcome, and says so.
 */
import { Redis, Command as RedisCommand, type RedisOptions } from 'ioredis';
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { ArmadaError } from '../../base/errors.ts';

/** A script, known to Redis by the hash of its text. */
export interface Script {
  text: string;
  hash: string;
  /** What it writes counts only when replicas have it, if replicas are waited for at all. */
  isAcknowledged: boolean;
}

/**
 * @param isVital it frees room, or lets what is there go on: it may write though
 * maxmemory is reached, where others are refused before they have done anything
 */
export function script(body: string, { isAcknowledged = false, isVital = false } = {}): Script {
  const text = isVital ? `#!lua flags=allow-oom\n${body}` : body;
  return { text, hash: createHash('sha1').update(text).digest('hex'), isAcknowledged };
}

export type Argument = string | number | Buffer;

/** A command of Redis, or a script and its only key. */
export type Command = readonly [name: string, ...arguments: Argument[]] | ScriptCall;

export interface ScriptCall {
  script: Script;
  key: string;
  parameters: readonly Argument[];
}

/** What Redis answers, texts as bytes. */
export type Reply = Buffer | number | null | Reply[];

/** What a write waits for. */
export interface Replicas {
  count: number;
  timeoutMs: number;
}

/** One server. */
export interface RedisNode {
  /** Sends commands together, and answers in their order. */
  read(commands: readonly Command[]): Promise<Reply[]>;
  /** Runs a script on the connection for writing; resolves when enough replicas have what is to be acknowledged. */
  write(call: ScriptCall): Promise<Reply>;
  /** Waits until both connections are there. */
  connected(): Promise<void>;
  close(): void;
}

/** How long a server may be silent with an answer due before the connection counts as broken. */
const SILENCE_MS = 5000;
/** It may be silent for less where it answers for the first time: what was begun in a silence is soon begun anew. */
const HANDSHAKE_MS = 2500;
/** It may be silent for longer while it is still being told something, over a line of 64 kbit/s. */
const SLOWEST_BYTES_PER_MS = 8;
const MAX_SILENCE_MS = 30_000;
const MAX_RECONNECT_MS = 1000;

/** What all connections have in common. */
const CONNECTION = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  // Commands without an answer fail as soon as their connection does; otherwise some would wait for ever.
  maxRetriesPerRequest: 0,
  lazyConnect: true,
  protocol: 2,
  connectTimeout: SILENCE_MS,
  socketTimeout: SILENCE_MS,
  disconnectTimeout: 500,
  disableClientInfo: true,
  retryStrategy: (times) => Math.min(25 * 2 ** Math.min(times, 10), MAX_RECONNECT_MS),
  sentinelRetryStrategy: (times) => Math.min(25 * 2 ** Math.min(times, 10), MAX_RECONNECT_MS),
  // A master that has become a replica: the next connection goes where the master is now.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
} satisfies RedisOptions;

/** A connection, not yet begun. */
export function newClient(options: RedisOptions): Redis {
  const client = new Redis({ ...CONNECTION, ...options } as RedisOptions & { replyMapping: 'legacy' });
  // What is asked afterwards sets its own; see ask().
  client.on('connecting', () => (client.options.socketTimeout = HANDSHAKE_MS));
  return client;
}

/** Hears of connections that come and go. */
export interface NodeEvents {
  /** A connection is there, for the first time or again. */
  onReady(): void;
  onError(error: Error): void;
}

export function openNode(
  options: RedisOptions,
  events: NodeEvents,
  replicas: () => Replicas | undefined,
): RedisNode {
  const reader: Line = { client: newClient(options), unansweredBytes: 0 };
  const writer: Line = { client: newClient(options), unansweredBytes: 0 };
  const clients = [reader.client, writer.client];
  for (const client of clients) {
    client.on('ready', () => events.onReady());
    client.on('error', (error: Error) => events.onError(error));
  }
  // Something small is read every second: who does not answer that will not answer much that is being written.
  reader.client.on('error', (error: Error) => {
    if (isSilence(error) && writer.unansweredBytes > 0) writer.client.disconnect(true);
  });
  let waiting: Promise<number> | undefined;

  /** Waits until what was sent on the connection for writing so far, in this turn, has reached enough replicas. */
  function replicated({ count, timeoutMs }: Replicas): Promise<number> {
    waiting ??= setImmediate().then(async () => {
      waiting = undefined;
      return Number(await send(writer, ['WAIT', count, timeoutMs]));
    });
    return waiting;
  }

  return {
    read: (commands) => Promise.all(commands.map((command) => send(reader, command))),
    async write(call) {
      let wasUnknown = false;
      const reply = send(writer, call, () => (wasUnknown = true));
      const wanted = call.script.isAcknowledged ? replicas() : undefined;
      if (!wanted) return await reply;
      const [answer, first] = await Promise.all([reply, replicated(wanted)]);
      // A script that had to be sent once more was not yet in what was waited for.
      const reached = wasUnknown ? await replicated(wanted) : first;
      if (reached >= wanted.count) return answer;
      throw new ArmadaError(
        'UNAVAILABLE',
        `only ${reached} of ${wanted.count} replicas of Redis have confirmed the change; it may be kept or lost`,
        { retryAfterMs: AWAY_RETRY_MS },
      );
    },
    async connected() {
      await Promise.all(clients.map((client) => ready(client)));
    },
    close() {
      for (const client of clients) client.disconnect();
    },
  };
}

/** A connection, and how much was said on it that has no answer yet. */
interface Line {
  readonly client: Redis;
  unansweredBytes: number;
}

/** Says something; what it is bounds how long the connection may be silent. */
async function ask(line: Line, name: string, parameters: readonly Argument[]): Promise<Reply> {
  const bytes = parameters.reduce<number>(
    (sum, each) => sum + (typeof each === 'number' ? 8 : each.length),
    name.length,
  );
  const count = (change: number): void => {
    line.unansweredBytes += change;
    const silenceMs = SILENCE_MS + line.unansweredBytes / SLOWEST_BYTES_PER_MS;
    // Read whenever something was heard, and when something is said after all was answered.
    line.client.options.socketTimeout = Math.min(silenceMs, MAX_SILENCE_MS);
  };
  count(bytes);
  try {
    // Not as arguments of a function: a request of 50,000 jobs has too many for that.
    const command = new RedisCommand(name, [...parameters], { replyEncoding: null });
    return (await line.client.sendCommand(command)) as Reply;
  } finally {
    count(-bytes);
  }
}

/** @param onUnknown called when the script had to be told, and runs later than it was sent */
async function send(line: Line, command: Command, onUnknown?: () => void): Promise<Reply> {
  try {
    if (!('script' in command)) {
      const [name, ...parameters] = command;
      return await ask(line, name, parameters);
    }
    const {
      script: { text, hash },
      key,
      parameters,
    } = command;
    try {
      return await ask(line, 'EVALSHA', [hash, 1, key, ...parameters]);
    } catch (error) {
      // A server that does not know the script has not run it.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      onUnknown?.();
      return await ask(line, 'EVAL', [text, 1, key, ...parameters]);
    }
  } catch (error) {
    throw refusalOf(error);
  }
}

/** Answers of Redis that say it cannot serve now, by their first word. */
const AWAY = new Set([
  'LOADING',
  'READONLY',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'ASK',
  'NOREPLICAS',
  'MISCONF',
  'BUSY',
  'UNBLOCKED',
]);

/** Whether the partition is with another server of the Cluster, and nothing was done. */
export function hasMoved(error: unknown): boolean {
  return (
    error instanceof ArmadaError && error.cause instanceof Error && error.cause.message.startsWith('MOVED ')
  );
}

/** When to ask again while Redis is away, and while it is full: room is made by retention, or by people. */
const AWAY_RETRY_MS = 1000;
export const FULL_RETRY_MS = 10_000;

/** What the client says when the connection was given up because nothing came. */
function isSilence(error: Error): boolean {
  return error.message.startsWith('Socket timeout');
}

/** Why a command has no answer. */
function reasonOf(error: Error): string {
  if (/writeable/.test(error.message)) return 'there is no connection';
  // The cause of the loss went to the events of the connection.
  if (error.name === 'MaxRetriesPerRequestError') return 'the connection was lost before the answer came';
  return error.message;
}

/** How a failure is told to callers. There is no cause: thousands of calls may fail at a time, and the loss of the connection is logged once. */
function refusalOf(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const [word = ''] = error.message.split(' ', 1);
  if (error.name !== 'ReplyError') return away(`Redis cannot be reached: ${reasonOf(error)}`);
  if (word === 'OOM') {
    const message = 'Redis has no memory left; raise maxmemory or shorten the retention';
    return new ArmadaError('OVERLOADED', message, { retryAfterMs: FULL_RETRY_MS });
  }
  if (word === 'MOVED') return away('the Redis Cluster has moved a slot', error);
  if (AWAY.has(word) || error.message.includes('non local key')) {
    return away(`Redis cannot serve now: ${error.message}`);
  }
  return error;
}

function away(message: string, cause?: Error): ArmadaError {
  return new ArmadaError('UNAVAILABLE', message, { retryAfterMs: AWAY_RETRY_MS, ...(cause && { cause }) });
}

/** Connections that somebody waits for. All who wait share one promise, and so one set of listeners. */
const arrivals = new WeakMap<Redis, Promise<void>>();

/** Connects, or waits for a connection that is being made. Throws UNAVAILABLE, with the cause, when there will be none. */
export function ready(client: Redis): Promise<void> {
  if (client.status === 'ready') return Promise.resolve();
  let arrival = arrivals.get(client);
  if (!arrival) {
    arrival = arrive(client).finally(() => arrivals.delete(client));
    arrivals.set(client, arrival);
  }
  return arrival;
}

async function arrive(client: Redis): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let cause: unknown;
  const hear = (error: unknown): void => {
    cause = error;
  };
  const end = (): void => reject(new Error('the connection is closed'));
  client.on('error', hear).once('ready', resolve).once('end', end);
  // It may be rejected while something else is awaited.
  promise.catch(() => {});
  try {
    if (client.status === 'wait') await client.connect();
    else if (client.status === 'end') end();
    await promise;
  } catch (error) {
    // That a connection has closed tells less than why.
    cause ??= error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ArmadaError('UNAVAILABLE', `cannot connect to Redis: ${reason}`, { cause });
  } finally {
    client.off('error', hear).off('ready', resolve).off('end', end);
  }
}
