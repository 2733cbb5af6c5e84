/**
 * The processes that take Kerberos tickets: a few, each with a few tokens under
 * way, and a bounded queue before them. One that dies is replaced; what it had
 * under way is answered UNAVAILABLE, because a ticket that it may have noted as
 * used would be refused as a replay if it were shown to another.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ArmadaError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { type AcceptorProcess, startAcceptorProcess } from './acceptor-process.ts';
import type { Answer, Start } from './messages.ts';

/** What the next token of a negotiation goes on with: the state lies in one process. */
export interface Negotiation {
  readonly process: AcceptorProcess;
  readonly id: number;
}

export type Outcome =
  | Exclude<Answer, { outcome: 'continues' }>
  | (Extract<Answer, { outcome: 'continues' }> & { negotiation: Negotiation });

export interface Acceptors extends AsyncDisposable {
  /** Shows a token to native code. Throws OVERLOADED or UNAVAILABLE when it cannot be checked now. */
  accept(token: string, negotiation: Negotiation | undefined): Promise<Outcome>;
  /** Of processes that take tickets now. */
  readonly pids: readonly number[];
}

export interface AcceptorsOptions extends Omit<Start, 'kind'> {
  /** How many. */
  processes: number;
  /** A token that takes so long has met a process that stands still; 10 s when left out. */
  answerMs?: number;
  logger: Logger;
}

/** Enough that a process finds the next when it is done with one, and that they come in fewer messages. */
export const UNDER_WAY_EACH = 16;
const MAX_WAITING = 200;
const ANSWER_MS = 10_000;
const RESTART_MS = 100;
const MAX_RESTART_MS = 5_000;

/** A token that no process is free for. */
interface Waiting {
  /** At once, so that the process counts it as under way. */
  go(process: AcceptorProcess): void;
  fail(error: ArmadaError): void;
}

/** Starts the processes; one at first, so that what is wrong is told once. Throws INVALID_REQUEST when they cannot be used. */
export async function startAcceptors({
  processes: count,
  answerMs = ANSWER_MS,
  logger,
  ...start
}: AcceptorsOptions): Promise<Acceptors> {
  const ready = new Set<AcceptorProcess>();
  const waiting: Waiting[] = [];
  const stopping = new AbortController();

  function dispatch(): void {
    while (waiting.length > 0) {
      const free = leastBusy(ready);
      if (free === undefined) return;
      waiting.shift()?.go(free);
    }
  }

  function add(process: AcceptorProcess): void {
    ready.add(process);
    void process.ended.then(() => {
      ready.delete(process);
      if (stopping.signal.aborted) return;
      logger.warn(
        { pid: process.pid },
        'a process that takes Kerberos tickets has ended; another is started',
      );
      void replace();
    });
    dispatch();
  }

  async function replace(): Promise<void> {
    for (let waitMs = RESTART_MS; !stopping.signal.aborted; waitMs = Math.min(2 * waitMs, MAX_RESTART_MS)) {
      try {
        const process = await startAcceptorProcess(start);
        if (stopping.signal.aborted) await process.stop();
        else add(process);
        return;
      } catch (error) {
        logger.error({ err: error }, 'Kerberos tickets are taken by fewer processes than configured');
      }
      await sleep(waitMs, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
    }
  }

  add(await startAcceptorProcess(start));
  const others = Array.from({ length: count - 1 }, () => replace());
  return {
    get pids() {
      return [...ready].flatMap(({ pid }) => pid ?? []);
    },
    async accept(token, negotiation) {
      if (negotiation !== undefined)
        return show(negotiation.process, { token, negotiation: negotiation.id, answerMs });
      const free = leastBusy(ready);
      try {
        const shown = { token, negotiation: undefined, answerMs };
        return await (free ? show(free, shown) : showLater(waiting, shown));
      } finally {
        dispatch();
      }
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      for (const each of waiting.splice(0)) each.fail(unchecked());
      await Promise.all([...others, ...[...ready].map((process) => process.stop())]);
    },
  };
}

/** Undefined when all have enough to do. */
function leastBusy(ready: ReadonlySet<AcceptorProcess>): AcceptorProcess | undefined {
  let found: AcceptorProcess | undefined;
  for (const process of ready) {
    if (process.underWay < (found?.underWay ?? UNDER_WAY_EACH)) found = process;
  }
  return found;
}

/** A token on its way to native code. */
interface Shown {
  token: string;
  /** Id of the first token of its negotiation; undefined for a first one. */
  negotiation: number | undefined;
  answerMs: number;
}

function showLater(waiting: Waiting[], shown: Shown): Promise<Outcome> {
  if (waiting.length >= MAX_WAITING) {
    throw new ArmadaError('OVERLOADED', 'too many Kerberos tickets are being checked; try again', {
      retryAfterMs: 1000,
    });
  }
  return new Promise((resolve, reject) => {
    const entry: Waiting = {
      go(process) {
        clearTimeout(timer);
        resolve(show(process, shown));
      },
      fail(error) {
        clearTimeout(timer);
        reject(error);
      },
    };
    const timer = setTimeout(() => {
      waiting.splice(waiting.indexOf(entry), 1);
      reject(unchecked());
    }, shown.answerMs).unref();
    waiting.push(entry);
  });
}

async function show(process: AcceptorProcess, { token, negotiation, answerMs }: Shown): Promise<Outcome> {
  const { id, answer: answering } = process.accept(token, negotiation);
  const timer = setTimeout(() => process.kill(), answerMs).unref();
  try {
    const answer = await answering;
    if (answer.outcome !== 'continues') return answer;
    return { ...answer, negotiation: { process, id: negotiation ?? id } };
  } finally {
    clearTimeout(timer);
  }
}

export function unchecked(): ArmadaError {
  return new ArmadaError('UNAVAILABLE', 'no Kerberos ticket can be checked now', { retryAfterMs: 1000 });
}
