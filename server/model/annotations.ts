/**
 * Job annotations that mean something to us. Armada gave them their names;
 * `atMostOnce` is ours.
 */
const PREFIX = 'armadaproject.io/';

/** Name shared by the members of a gang. */
export const GANG_ID = `${PREFIX}gangId`;
/** Number of members of the gang, the same on each. */
export const GANG_CARDINALITY = `${PREFIX}gangCardinality`;
/** Node label whose value the nodes of all members must share. */
export const GANG_UNIFORMITY_LABEL = `${PREFIX}gangNodeUniformityLabel`;
/** `true`: a returned lease ends the job instead of queueing it again. */
export const FAIL_FAST = `${PREFIX}failFast`;
/** `true`: a run that may have started is never followed by another. */
export const AT_MOST_ONCE = `${PREFIX}atMostOnce`;
/** One of A to H. */
export const PRICE_BAND = `${PREFIX}priceBand`;
/** Address of the job in another system, when the request's own field is empty. */
export const EXTERNAL_JOB_URI = `${PREFIX}externalJobUri`;
