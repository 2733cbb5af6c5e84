// What a process takes of this machine, by what Linux says.
import { readFileSync } from 'node:fs';

/** Length of the clock ticks in which Linux counts the time of processes. */
const TICK_MS = 10;
const LOOK_MS = 100;

/** CPU time of a process since it was last asked for, in milliseconds. */
export function cpuMeter(pid: number): () => number {
  let before = 0;
  const read = (): number => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name before them is in brackets and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const now = (Number(fields[11]) + Number(fields[12])) * TICK_MS;
    const spent = now - before;
    before = now;
    return spent;
  };
  read();
  return read;
}

/** Memory of a process that is not on disk, in bytes. */
export function rssBytes(pid: number): number {
  const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kib) * 1024;
}

/** The most of it that there ever was, in bytes. */
export function peakRssBytes(pid: number): number {
  const kib = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kib) * 1024;
}

/** Watches that memory; `stop` tells the most there was. */
export function watchRss(pid: number): { stop(): number } {
  let most = 0;
  const look = (): void => {
    most = Math.max(most, rssBytes(pid));
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    stop() {
      look();
      clearInterval(timer);
      return most;
    },
  };
}
