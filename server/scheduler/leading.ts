/**
 * Taking the lead, and noticing when another server has it. Who may decide is
 * settled by terms, in the store; an election only says when it is worth trying.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/logger.ts';
import { isPassing } from '../base/retry.ts';
import type { Lead, Store } from '../store/store.ts';
import type { Life } from './life.ts';
import type { Thread } from './thread.ts';

/** Who leads, as far as this server knows. */
export interface Election {
  readonly self: { readonly id: string };
  leader(): { readonly id: string } | undefined;
  /** The last term, when this server should try to take the next. @param heldTerm with which it leads, if it does */
  vacancy(heldTerm: number | undefined): number | undefined;
  /** Resolves when all of this was heard anew. */
  met(): Promise<void>;
  /** Calls back after any change. Returns the way out. */
  subscribe(listener: () => void): () => void;
}

export interface LeadingDeps {
  store: Store;
  thread: Thread;
  election: Election;
  logger: Logger;
  /** The store has given this server the lead. */
  onLead: (term: number) => void;
}

/** Between two tries while the store is away. */
const RETRY_MS = 250;

/** Waits until nobody leads, leads, and returns when another server does or the life is over. */
export async function leadWhenVacant(deps: LeadingDeps, life: Life): Promise<void> {
  const { thread, election, onLead } = deps;
  const { over } = life;
  while (!over.aborted) {
    await until(election, over, () => election.vacancy(undefined) !== undefined);
    const after = election.vacancy(undefined);
    const led = after === undefined || over.aborted ? undefined : await tryToLead(deps, after, over);
    if (led) {
      // All that earlier leaders have decided is in the log before the seal.
      await life.fedUpTo(led.heads);
      if (over.aborted) return;
      thread.send({ kind: 'lead', term: led.term });
      onLead(led.term);
      await untilSuperseded(election, led.term, over);
      return;
    }
    await unlessOver(election.met(), over);
  }
}

async function tryToLead(
  { store, election, logger }: LeadingDeps,
  after: number,
  over: AbortSignal,
): Promise<Lead | undefined> {
  try {
    return await store.lead({ serverId: election.self.id, after });
  } catch (error) {
    if (!isPassing(error)) throw error;
    if (over.aborted) return undefined;
    logger.warn({ err: error }, 'the store did not give the lead; trying again');
    await sleep(RETRY_MS, undefined, { signal: over }).catch(() => {});
    return undefined;
  }
}

async function untilSuperseded(election: Election, term: number, over: AbortSignal): Promise<void> {
  // What is known so far is from before this server took the lead.
  await unlessOver(election.met(), over);
  const leads = (): boolean =>
    election.vacancy(term) === undefined && election.leader()?.id === election.self.id;
  await until(election, over, () => !leads());
}

/** Resolves when it is so, or the signal aborts. */
function until(election: Election, signal: AbortSignal, isSo: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!signal.aborted && !isSo()) return;
      leave();
      signal.removeEventListener('abort', look);
      resolve();
    };
    const leave = election.subscribe(look);
    signal.addEventListener('abort', look);
    look();
  });
}

function unlessOver(promise: Promise<void>, over: AbortSignal): Promise<void> {
  if (over.aborted) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const letGo = (): void => resolve();
    over.addEventListener('abort', letGo);
    promise.then(resolve, reject).finally(() => over.removeEventListener('abort', letGo));
  });
}
