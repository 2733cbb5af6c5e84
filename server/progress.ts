/** How a program tells people what it is doing while that takes long. */
import type { Clock } from './base/clock.ts';
import { ArmadaError } from './base/errors.ts';

/** Between two lines that tell how far it is. */
const REPORT_MS = 1000;

export interface Progress {
  /** Writes a line to standard error. */
  say(text: string): void;
  /** Says how far a step is, once a second at most. @param rest what else is counted */
  tell(step: string, jobs: number, rest: string): void;
  /** Since this began. */
  seconds(): number;
}

export function createProgress(program: string, clock: Clock): Progress {
  const startedAt = clock.elapsed();
  let saidAt = startedAt;
  let current = '';
  let stepBeganAt = startedAt;
  const secondsSince = (at: number): number => Math.max(0.001, (clock.elapsed() - at) / 1000);
  const say = (text: string): void => {
    process.stderr.write(`${program}: ${text}\n`);
  };
  return {
    say,
    tell(step, jobs, rest) {
      const now = clock.elapsed();
      if (step !== current) {
        current = step;
        stepBeganAt = now;
      }
      if (now - saidAt < REPORT_MS) return;
      saidAt = now;
      say(`${step}: ${shownCount(jobs, 'job')}, ${rest}, ${shownRate(jobs, secondsSince(stepBeganAt))}`);
    },
    seconds: () => secondsSince(startedAt),
  };
}

export function shownCount(count: number, what: string): string {
  return `${shown(count)} ${what}${count === 1 ? '' : 's'}`;
}

export function shownRate(jobs: number, seconds: number): string {
  return `${shown(Math.round(jobs / seconds))} jobs/s`;
}

function shown(number: number): string {
  return number.toLocaleString('en-US');
}

/** Throws INVALID_REQUEST, without the URL, for what is none of a store. */
export function mustBeStoreUrl(flag: string, url: string | undefined): string {
  if (url !== undefined && /^sqlite:.+|^rediss?(\+sentinel|\+cluster)?:\/\/.+/.test(url)) return url;
  const form = 'sqlite:DIRECTORY, redis://HOST:PORT, redis+sentinel://HOSTS/NAME or redis+cluster://HOSTS';
  const what = url === undefined ? 'is missing: it must be' : 'must be';
  throw new ArmadaError('INVALID_REQUEST', `${flag} ${what} ${form}`);
}
