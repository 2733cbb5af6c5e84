import type { Caller } from '../chain.ts';

/** A client on this machine without a certificate. */
export const SOMEBODY: Caller = { peer: '127.0.0.1:50000', certificate: undefined };
