/**
 * Whether there is room for new jobs. They are refused before Redis is full, so
 * that there is something left for what the jobs that are there have yet to go
 * through; and should that not be enough, the scripts for it may exceed
 * maxmemory (see Script.isVital).
 */
import { ArmadaError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { isPassing } from '../../base/retry.ts';
import { FULL_RETRY_MS } from './node.ts';
import { listOf, type Partition } from './partition.ts';
import { MEMORY } from './scripts/read.ts';
import type { Connections } from './wire.ts';

/** The share of maxmemory at which new jobs are refused. */
const FULL_SHARE = 0.9;
/** How old may be what is known; nothing is asked while nobody submits. */
const LOOK_MS = 1000;

export interface Room {
  /** Throws OVERLOADED when the server of the partition is nearly full. What is told of it may be a second old. */
  check(partition: Partition): void;
  /** What people should know, a sentence each. */
  notices(): string[];
}

/** What is known of one server. */
interface Known {
  share: number;
  atMs: number;
  isLooking: boolean;
  /** One that it has. */
  partition: Partition;
}

/** @param elapsedMs a clock that never goes back */
export function createRoom(wire: Connections, elapsedMs: () => number, logger: Logger): Room {
  const servers = new Map<string, Known>();

  async function look(known: Known): Promise<void> {
    if (known.isLooking || elapsedMs() - known.atMs < LOOK_MS) return;
    const { number, key } = known.partition;
    known.isLooking = true;
    known.atMs = elapsedMs();
    try {
      const [reply] = await wire.read(number, [{ script: MEMORY, key, parameters: [] }]);
      const [max = 0, used = 0] = listOf(reply ?? null).map(Number);
      known.share = max > 0 ? used / max : 0;
    } catch (error) {
      // That Redis is away is told by whoever writes.
      if (!isPassing(error)) logger.warn({ err: error }, 'how full Redis is could not be found out');
    } finally {
      known.isLooking = false;
    }
  }

  return {
    check(partition) {
      const server = wire.serverOf(partition.number);
      const known = servers.get(server) ?? {
        share: 0,
        atMs: Number.NEGATIVE_INFINITY,
        isLooking: false,
        partition,
      };
      servers.set(server, known);
      void look(known);
      if (known.share < FULL_SHARE) return;
      throw new ArmadaError('OVERLOADED', `${fullness(known)}; raise maxmemory or shorten the retention`, {
        retryAfterMs: FULL_RETRY_MS,
      });
    },
    notices() {
      for (const known of servers.values()) void look(known);
      return [...servers]
        .filter(([, { share }]) => share >= FULL_SHARE)
        .map(([server, known]) => `${fullness(known)}${server && ` at ${server}`}: new jobs are refused`);
    },
  };
}

function fullness({ share }: Known): string {
  return `Redis is full to ${Math.round(share * 100)} % of maxmemory`;
}
