// Redis under a job queue made for it, and under ours: the same Redis, the same
// 528 bytes a job, once with its append-only file off and once with a sync every
// second, as both sides' manuals advise at least.
//
// What favours the peer: its client talks to Redis itself, there is no server
// between them that checks who may do what and validates; it takes any text,
// where ours is a pod spec that is decoded and classified; its ids are numbers
// that Redis counts, ours are kept with a client id that makes repeating safe;
// its jobs do nothing, take no time and are chosen by nobody, where ours are
// placed on nodes; its worker is told nothing of a job's start.
//
// What favours ours: its requests are copied from encoded ones with texts of
// their own, so its client does less than a program that makes jobs; the figures
// are of calls of 1,000 jobs, which share most of their bytes. Both keep their
// completed jobs.
import { compareLives } from './bullmq/life.ts';
import { compareSubmits } from './bullmq/submit.ts';
import { REPEATS } from './measuring/figures.ts';
import type { Persistence } from './measuring/redis.ts';

export async function run(): Promise<void> {
  for (const persistence of ['off', 'everysec'] satisfies Persistence[]) {
    await compareSubmits(persistence, REPEATS);
    await compareLives(persistence, REPEATS);
  }
}
