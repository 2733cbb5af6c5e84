import { hash } from 'node:crypto';

/** How simulated runs behave. Times in milliseconds, ratios from 0 to 1. */
export interface SimulationSettings {
  /** Runs with the same seed and run id always behave the same. */
  seed: number;
  /** From acceptance to running. */
  startDelayMs: number;
  minRunMs: number;
  meanRunMs: number;
  maxRunMs: number;
  /** Share of the runs whose container exits with code 1. */
  failureRatio: number;
  /** Share of the runs that are given back without having been started. */
  leaseReturnRatio: number;
}

/** What will become of a run. */
export interface Fate {
  end: 'succeeds' | 'fails' | 'isReturned';
  runMs: number;
}

/**
 * Decides about a run from the seed and its id alone. Run times are spread as
 * waiting times are: many short ones, few long ones, with the mean that was
 * asked for but for what the maximum cuts off.
 */
export function fateOf(runId: string, settings: SimulationSettings): Fate {
  const digest = hash('sha256', `${settings.seed} ${runId}`, 'buffer');
  const [first, second] = [fractionAt(digest, 0), fractionAt(digest, 6)];
  const { minRunMs, meanRunMs, maxRunMs, failureRatio, leaseReturnRatio } = settings;
  const spread = -Math.log(1 - second) * Math.max(0, meanRunMs - minRunMs);
  const runMs = Math.min(maxRunMs, minRunMs + spread);
  if (first < leaseReturnRatio) return { end: 'isReturned', runMs };
  return { end: first < leaseReturnRatio + failureRatio ? 'fails' : 'succeeds', runMs };
}

/** A number from 0 to below 1. */
function fractionAt(digest: Buffer, at: number): number {
  return digest.readUIntBE(at, 6) / 2 ** 48;
}
