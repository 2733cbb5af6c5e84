/** The servers of the store for those who operate them: who is there, who leads, and striking off who is gone. */
import type { ClusterServer, GetConfigurationResponse } from '@armada-ts/api/armada/operator/v1/cluster';
import type { Clock } from '../base/clock.ts';
import { ArmadaError, invalidField } from '../base/errors.ts';
import { timestampOf } from '../model/instant.ts';
import type { ServerRecord } from '../store/servers.ts';
import type { Positions, Store } from '../store/store.ts';

export interface ClusterDeps {
  store: Pick<Store, 'heads' | 'servers'>;
  members: {
    /** All that the store knows of, this one first. */
    listed(): readonly (ServerRecord & { isAlive: boolean; silentMs: number })[];
    leader(): ServerRecord | undefined;
    term(): number;
    /** Resolves after a meeting that begins from now on. */
    met(): Promise<void>;
  };
  /** Of the log, as far as this server has followed it. */
  followed: () => Positions;
  clock: Clock;
}

/** How long the store may take; then the caller is told that it is away. */
const STORE_MS = 2_000;

/**
 * The servers of the store. Throws UNAVAILABLE when the store does not answer.
 * @param isStale to answer from memory instead
 */
export async function clusterConfiguration(
  deps: ClusterDeps,
  isStale: boolean,
): Promise<GetConfigurationResponse> {
  const { members, clock } = deps;
  const positions = isStale ? deps.followed() : await whileStoreAnswers(freshHeads(deps));
  const leaderId = members.leader()?.id;
  const nowMs = clock.now();
  return {
    servers: members.listed().map((server) => shown(server, leaderId, nowMs)),
    logIndex: BigInt(positions.reduce((sum, position) => sum + position, 0)),
    term: BigInt(members.term()),
  };
}

/**
 * Strikes the dead servers with this address off the list. Throws
 * SERVER_NOT_FOUND, SERVER_ALIVE, and UNAVAILABLE when the store does not answer.
 */
export async function removeServer(deps: ClusterDeps, address: string): Promise<void> {
  if (address === '') throw invalidField('address', 'must be HOST:PORT of a server, as the list has it');
  const { members, store } = deps;
  await whileStoreAnswers(freshHeads(deps));
  const there = members.listed().filter((server) => server.address === address);
  const [first] = there;
  if (!first) throw new ArmadaError('SERVER_NOT_FOUND', 'the store knows of no server with this address');
  const dead = there.filter(({ isAlive }) => !isAlive);
  if (dead.length === 0) {
    const message = `server ${first.name} at ${address} is alive; stop it, and it is listed no more`;
    throw new ArmadaError('SERVER_ALIVE', message);
  }
  await whileStoreAnswers(Promise.all(dead.map(({ id }) => store.servers.leave(id))));
  await whileStoreAnswers(members.met());
}

/** Heads of the log, and the servers met anew. In this order, as the one fails while the store is away and the other waits. */
async function freshHeads({ store, members }: ClusterDeps): Promise<Positions> {
  const heads = await store.heads();
  await members.met();
  return heads;
}

async function whileStoreAnswers<Value>(answer: Promise<Value>): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(
      new ArmadaError(
        'UNAVAILABLE',
        'the store does not answer; what was known last is told when `stale` is asked for',
      ),
    );
  }, STORE_MS);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function shown(
  {
    id,
    name,
    address,
    version,
    startedAtMs,
    isAlive,
    silentMs,
  }: ReturnType<ClusterDeps['members']['listed']>[number],
  leaderId: string | undefined,
  nowMs: number,
): ClusterServer {
  return {
    id,
    name,
    address,
    version,
    leader: id === leaderId,
    // Every living server may lead.
    voter: isAlive,
    alive: isAlive,
    lastSeen: timestampOf(nowMs - silentMs),
    started: timestampOf(startedAtMs),
  };
}
