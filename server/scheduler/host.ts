/**
 * The main thread's side of the scheduler, of every server: loads what the store
 * has into the scheduler's thread and feeds it with the log; and while this server
 * leads, hands it what executors show and makes its calls to the store.
 *
 *     loading -> following -> leading
 *        ^___________|___________|    fell off the log, or another server leads
 *
 * It follows the log by itself, from exactly the heads before which it was loaded:
 * whatever else the process follows, the scheduler misses nothing.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { PriorityClass } from '../model/priority-class.ts';
import type { Store } from '../store/store.ts';
import type { ReadFleetRequest, ReadFleetResponse } from '@armada-ts/api/armada/server/v1/peers';
import { answerAppend, saveExecutor } from './appending.ts';
import { type Asking, createAsking } from './asking.ts';
import type { SchedulerConfig } from './config.ts';
import type { SchedulerFigures } from './figures.ts';
import { type Election, leadWhenVacant } from './leading.ts';
import { beginLife, type Life } from './life.ts';
import { feed, load } from './loading.ts';
import { createMeasuring, type Measuring } from './measuring.ts';
import { createSightings, type Sighting, type Sightings } from './sightings.ts';
import { movable } from './messages.ts';
import { type Saying, startThread, type Thread } from './thread.ts';

export interface SchedulerHostDeps {
  store: Store;
  election: Election;
  config: SchedulerConfig;
  priorityClasses: Readonly<Record<string, PriorityClass>>;
  clock: Clock;
  logger: Logger;
}

/** Only one that leads decides; one that follows could at once. */
export type Role = 'loading' | 'following' | 'leading';

export interface SchedulerHost {
  role(): Role;
  /** The number that fences this leader from earlier ones; undefined while it does not lead. */
  term(): number | undefined;
  /** Calls back when the role has changed. Returns the way out. */
  subscribe(listener: () => void): () => void;
  /** Told of every lease request while this server leads: it is the executor's sign of life. */
  executorSeen(sighting: Sighting): void;
  /** What is known of executors and nodes, while this server leads. Throws UNAVAILABLE. */
  askFleet(question: ReadFleetRequest): Promise<ReadFleetResponse>;
  /** Figures for metrics, whether it leads or not; undefined while there are none. */
  measure(): Promise<SchedulerFigures | undefined>;
  /** Rejects when the thread has crashed or the store has failed for good. */
  readonly failed: Promise<never>;
  /** Stops deciding; decisions on their way are finished. */
  close(): Promise<void>;
}

interface Host {
  readonly deps: SchedulerHostDeps;
  readonly thread: Thread;
  readonly sightings: Sightings;
  readonly asking: Asking;
  readonly measuring: Measuring;
  readonly stopping: AbortSignal;
  readonly appends: Set<Promise<void>>;
  readonly listeners: Set<() => void>;
  life: Life;
  role: Role;
  term: number | undefined;
}

/** Starts loading. What the store cannot do now is tried again; what it can never do fails the host. */
export function startScheduler(deps: SchedulerHostDeps): SchedulerHost {
  const stopping = new AbortController();
  const failure = Promise.withResolvers<never>();
  // Nobody need be listening yet, or ever.
  failure.promise.catch(() => {});
  const fail = (error: unknown): void => {
    if (stopping.signal.aborted) return;
    deps.logger.error({ err: error }, 'the scheduler has failed');
    stopping.abort();
    failure.reject(error instanceof Error ? error : new Error(String(error)));
  };
  const thread = startThread(deps, { fail, hear: (message) => hear(host, message, fail) });
  const host: Host = {
    deps,
    thread,
    sightings: createSightings((sighting) => {
      const bytes = movable(sighting.encoded());
      thread.send({ kind: 'seen', bytes, isRepeated: sighting.isRepeated }, bytes);
    }),
    asking: createAsking(thread, () => host.role === 'leading'),
    measuring: createMeasuring(thread),
    stopping: stopping.signal,
    appends: new Set(),
    listeners: new Set(),
    life: beginLife(1, stopping.signal),
    role: 'loading',
    term: undefined,
  };
  const unsubscribe = deps.election.subscribe(() => {
    const leader = deps.election.leader();
    // What was shown before that is the other server's to know.
    if (leader && leader.id !== deps.election.self.id) host.sightings.forget();
  });
  const living = live(host).catch(fail);
  return {
    role: () => host.role,
    term: () => host.term,
    subscribe(listener) {
      host.listeners.add(listener);
      return () => host.listeners.delete(listener);
    },
    executorSeen: (sighting) => host.sightings.see(sighting),
    askFleet: (question) => host.asking.ask(question),
    measure: () => host.measuring.measure(),
    failed: failure.promise,
    async close() {
      stopping.abort();
      unsubscribe();
      await Promise.all([living, ...host.appends]);
      await thread.stop();
    },
  };
}

/** One life after the other. */
async function live(host: Host): Promise<void> {
  const { deps, thread, stopping, appends } = host;
  const { store, election, logger } = deps;
  while (!stopping.aborted) {
    const { life } = host;
    await load({ store, thread }, life);
    if (!life.over.aborted) setRole(host, 'following');
    const onLead = (term: number): void => setRole(host, 'leading', term);
    await Promise.all([
      feed({ store, thread }, life).finally(() => life.end()),
      leadWhenVacant({ store, thread, election, logger, onLead }, life).finally(() => life.end()),
    ]);
    // A lease that is kept after its node was loaded would fill that node twice.
    await Promise.all(appends);
    if (stopping.aborted) return;
    logger.warn({}, 'the scheduler loads everything anew');
    host.life = beginLife(life.number + 1, stopping);
    setRole(host, 'loading');
  }
}

function setRole(host: Host, role: Role, term?: number): void {
  const { sightings, asking, listeners, deps } = host;
  host.role = role;
  host.term = term;
  if (role === 'leading') {
    deps.logger.info({ term }, 'this server leads');
    sightings.open();
  } else {
    sightings.close();
    asking.refuseAll();
  }
  for (const listener of listeners) listener();
}

function hear(host: Host, message: Saying, fail: (error: unknown) => void): void {
  const { deps, thread, sightings, life, appends } = host;
  switch (message.kind) {
    case 'saw':
      return sightings.saw(message.executorId);
    case 'answer':
      return host.asking.answered(message.id, message.bytes);
    case 'figures':
      return host.measuring.measured(message.figures);
    case 'executor':
      return saveExecutor(deps, message.bytes);
    case 'loaded':
      if (message.life === life.number) life.loaded.resolve();
      return;
    case 'sealed':
      if (message.life !== life.number) return;
      deps.logger.warn({ term: message.term }, 'another server has taken the lead');
      return life.end();
    case 'append': {
      // What is decided after that was decided by nobody.
      if (message.life !== life.number || life.over.aborted) return;
      const { store, logger } = deps;
      const append = answerAppend({ store, thread, logger }, life, message).catch(fail);
      appends.add(append);
      void append.finally(() => appends.delete(append));
    }
  }
}
