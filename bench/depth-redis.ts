// Whether it matters how many jobs are queued in Redis.
import { compareDepths } from './depth/compare.ts';

export const run = (): Promise<void> => compareDepths('redis');
