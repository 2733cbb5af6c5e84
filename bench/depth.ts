// Whether it matters how many jobs are queued in the embedded store.
import { compareDepths } from './depth/compare.ts';

export const run = (): Promise<void> => compareDepths('sqlite');
