// Load that comes from a process of its own, and the CPU time that processes
// take: with client and server on the same cores, CPU time per job says more
// than the clock does.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Length of the clock ticks in which Linux counts the time of processes. */
const TICK_MICROS = 10_000;

/** CPU time of a process with all its threads so far, in microseconds; counted in hundredths of a second. */
export function cpuMicrosOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name before them is in brackets and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}

/** CPU time of the main thread of a process, and of all its threads that still run, counted finely enough for a tenth of a second. */
export function threadMicrosOf(pid: number): { main: number; all: number } {
  const microsOf = (thread: string): number => {
    // One that has just ended is no longer there.
    const file = `/proc/${pid}/task/${thread}/schedstat`;
    return existsSync(file) ? Number(readFileSync(file, 'latin1').split(' ', 1)[0]) / 1000 : 0;
  };
  const threads = readdirSync(`/proc/${pid}/task`);
  return {
    main: microsOf(String(pid)),
    all: threads.reduce((sum, thread) => sum + microsOf(thread), 0),
  };
}

/** Ids of the processes that a process has started and that still run. */
export function helpersOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
  );
}

/** How long a process is given to finish what it has answered already. */
const MAX_SETTLING_MS = 5_000;

/** The same once the process has nothing left to do: what it does after answering belongs to the bill. */
export async function settledCpuMicrosOf(pid: number): Promise<number> {
  const until = performance.now() + MAX_SETTLING_MS;
  let before = Number.NaN;
  let now = cpuMicrosOf(pid);
  while (now !== before && performance.now() < until) {
    await sleep(200);
    before = now;
    now = cpuMicrosOf(pid);
  }
  return now;
}

/** A started client, which answers each order with figures. */
export interface LoadProcess<Order, Figures> {
  pid: number;
  ask(order: Order): Promise<Figures>;
  stop(): Promise<void>;
}

/**
 * Starts a file of this checkout as a process; it serves with `serveLoad`.
 * @param url of the file, relative to the benchmark by import.meta.url
 */
export function startLoad<Order extends object, Figures>(
  url: URL,
  args: readonly string[] = [],
): LoadProcess<Order, Figures> {
  const child: ChildProcess = fork(fileURLToPath(url), args, {
    execArgv: ['--conditions=source', '--disable-warning=ExperimentalWarning'],
    serialization: 'advanced',
  });
  return {
    pid: child.pid ?? 0,
    async ask(order) {
      const ended = new AbortController();
      const gone = once(child, 'exit', { signal: ended.signal }).then(() => {
        throw new Error(`${url.pathname} ended before it answered`);
      });
      try {
        child.send(order);
        const [answer] = (await Promise.race([once(child, 'message', { signal: ended.signal }), gone])) as [
          Figures,
        ];
        return answer;
      } finally {
        ended.abort();
        gone.catch(() => {});
      }
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

/** The other end: answers orders one by one until the benchmark lets go. A failure ends the process. */
export function serveLoad<Order, Figures>(serve: (order: Order) => Promise<Figures>): void {
  process.on('message', (order: Order) => {
    void serve(order).then((figures) => process.send?.(figures));
  });
  process.on('disconnect', () => process.exit(0));
}
