import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ArmadaError } from '../../base/errors.ts';
import type { Accept, Answer, FromAcceptor, Start, ToAcceptor } from './messages.ts';

/** A process that takes tickets, seen from the server. */
export interface AcceptorProcess {
  readonly pid: number | undefined;
  /** Tokens that it has and has not answered. */
  readonly underWay: number;
  /** Rejects with UNAVAILABLE when the process ends meanwhile. */
  accept(token: string, negotiation: number | undefined): { id: number; answer: Promise<Answer> };
  /** Resolves when it has ended, by itself or otherwise. */
  readonly ended: Promise<void>;
  /** At once, with whatever it has under way. */
  kill(): void;
  /** Lets it end by itself. */
  stop(): Promise<void>;
}

/** How long a process may take to load. */
const START_MS = 20_000;
const STOP_MS = 2_000;

interface Waiting {
  resolve: (answer: Answer) => void;
  reject: (error: ArmadaError) => void;
}

/** Starts a process and waits until it takes tickets. Throws INVALID_REQUEST when it cannot, and says why. */
export async function startAcceptorProcess(start: Omit<Start, 'kind'>): Promise<AcceptorProcess> {
  const child = forked(start.keytab);
  const waiting = new Map<number, Waiting>();
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => child.pid === undefined && resolve());
  });
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
    for (const { reject } of waiting.values()) reject(interrupted());
    waiting.clear();
  });
  await ready(child, ended, start);
  child.on('message', (message: FromAcceptor) => {
    if (message.kind !== 'answer') return;
    const found = waiting.get(message.id);
    waiting.delete(message.id);
    found?.resolve(message.answer);
  });
  // The server does not stay for it.
  child.unref();
  child.channel?.unref();
  const unsent: Accept[] = [];
  const send = (): void => tell(child, { kind: 'accept', tokens: unsent.splice(0) });
  let lastId = 0;
  return {
    pid: child.pid,
    get underWay() {
      return waiting.size;
    },
    ended,
    accept(token, negotiation) {
      const id = ++lastId;
      if (hasEnded) return { id, answer: Promise.reject(interrupted()) };
      const answer = new Promise<Answer>((resolve, reject) => waiting.set(id, { resolve, reject }));
      if (unsent.push({ id, token, negotiation }) === 1) setImmediate(send);
      return { id, answer };
    },
    kill: () => void child.kill('SIGKILL'),
    stop: () => stopped(child, ended),
  };
}

function forked(keytab: string): ChildProcess {
  const source = import.meta.url.endsWith('.ts') ? './acceptor.ts' : './acceptor.js';
  const flags = ['--expose-gc', '--max-semi-space-size=1', '--disable-warning=ExperimentalWarning'];
  // Settings of the server, secrets among them, are none of its business.
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('ARMADA_'));
  return fork(fileURLToPath(new URL(source, import.meta.url)), {
    // Several threads would wait for each other's locks; there are several processes.
    env: { ...Object.fromEntries(inherited), KRB5_KTNAME: keytab, UV_THREADPOOL_SIZE: '1' },
    execArgv: [...process.execArgv.filter((flag) => flag.startsWith('--conditions')), ...flags],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

async function ready(child: ChildProcess, ended: Promise<void>, start: Omit<Start, 'kind'>): Promise<void> {
  const first = once(child, 'message', { signal: AbortSignal.timeout(START_MS) }) as Promise<[FromAcceptor]>;
  tell(child, { kind: 'start', ...start });
  const ending = ended.then(() => ['its process has ended'] as const);
  const [message] = await Promise.race([first, ending]).catch(() => ['its process does not answer'] as const);
  first.catch(() => {});
  if (typeof message !== 'string' && message.kind === 'ready') return;
  child.kill('SIGKILL');
  const reason = typeof message === 'string' ? message : message.kind === 'unusable' ? message.reason : '';
  throw new ArmadaError('INVALID_REQUEST', `auth.schemes: kerberos cannot be used: ${reason}`);
}

/** A process that has just ended is told nothing; `ended` says so. */
function tell(child: ChildProcess, message: ToAcceptor): void {
  if (child.connected) child.send(message, () => {});
}

async function stopped(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}

function interrupted(): ArmadaError {
  const message = 'the Kerberos ticket could not be checked; try again with a new one';
  return new ArmadaError('UNAVAILABLE', message, { retryAfterMs: 100 });
}
