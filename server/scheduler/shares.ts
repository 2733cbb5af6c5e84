/** What each queue has of a pool, what it could make use of, and what is fair, as shares of its scarcest resource. */

export interface Claimant {
  /** 1 / priority factor. */
  weight: number;
  /** Dominant share of what its runs hold. */
  actual: number;
  /** Dominant share of what its runs hold and its waiting jobs ask for together. */
  demand: number;
}

export interface Share extends Claimant {
  /** By weight alone, among the queues that ask for anything. */
  fair: number;
  /** The same after what some do not need was shared out among the others. */
  adjusted: number;
}

/** The dominant share that amounts are of totals, column by column. */
export function dominantShare(amounts: ArrayLike<number>, totals: ArrayLike<number>): number {
  let share = 0;
  for (let column = 0; column < totals.length; column++) {
    const total = totals[column] ?? 0;
    if (total > 0) share = Math.max(share, (amounts[column] ?? 0) / total);
  }
  return share;
}

/** Shares of those who ask for anything; of the others nothing is fair or unfair. */
export function sharesOf(claimants: readonly Claimant[]): Share[] {
  const weights = claimants.reduce((sum, one) => sum + (one.demand > 0 ? one.weight : 0), 0);
  const shares = claimants.map((one) => ({
    ...one,
    fair: one.demand > 0 ? one.weight / weights : 0,
    adjusted: 0,
  }));
  // Whoever asks for less, in proportion to its weight, is served in full first; what it leaves goes to the others.
  const byNeed = shares
    .filter(({ demand }) => demand > 0)
    .sort((a, b) => a.demand / a.weight - b.demand / b.weight);
  let left = 1;
  let weightLeft = weights;
  for (const one of byNeed) {
    one.adjusted = Math.min(one.demand, (left * one.weight) / weightLeft);
    left = Math.max(0, left - one.adjusted);
    weightLeft -= one.weight;
  }
  return shares;
}

/** By how much those who have less than is fair fall short of it, together. */
export function fairnessError(shares: readonly Share[]): number {
  return shares.reduce((sum, { adjusted, actual }) => sum + Math.max(0, adjusted - actual), 0);
}
