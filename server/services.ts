/** The services, wired: which there are, and what each of them is made of. */
import { createRandom } from './base/random.ts';
import type { Spans } from '@armada-ts/api/trace/spans';
import { type Authorizer, withOperators } from './auth/authorizer.ts';
import type { Chain } from './auth/chain.ts';
import type { Keys } from './auth/keys/open.ts';
import type { Chains } from './auth/schemes.ts';
import type { Clock } from './base/clock.ts';
import type { LogLevels } from './base/log-levels.ts';
import type { Logger } from './base/logger.ts';
import type { Config } from './config.ts';
import { createHolders } from './lease/holders.ts';
import { createLinks } from './lease/links.ts';
import { createClassifier } from './model/scheduling-class.ts';
import type { HealthCheck } from './operator/health.ts';
import { type FleetDeps, readFleet } from './peers/fleet.ts';
import { findKeyHolders } from './peers/keyring.ts';
import { readAnywhere } from './peers/logs.ts';
import type { Membership } from './peers/members.ts';
import type { Peers } from './peers/peers.ts';
import type { LogDeps } from './query/logs.ts';
import { commitOf } from './operator/version.ts';
import { clusterDefinition, clusterService } from './rpc/cluster.ts';
import type { Door } from './door/call.ts';
import type { Service } from './door/method.ts';
import { eventDefinition, eventService } from './rpc/event.ts';
import { executorDefinition, executorService } from './rpc/executor.ts';
import { executorApiDefinition, executorApiService } from './rpc/executor-api.ts';
import { executorLinkDefinition, executorLinkService } from './rpc/executor-link.ts';
import { fleetDefinition, fleetService } from './rpc/fleet.ts';
import { identityDefinition, identityService } from './rpc/identity.ts';
import { jobListDefinition, jobListService } from './rpc/job-list.ts';
import { jobsDefinition, jobsService } from './rpc/jobs.ts';
import { keyringDefinition, keyringService } from './rpc/keyring.ts';
import { keyDefinition, keyQueryDefinition, keyQueryService, keyService } from './rpc/keys.ts';
import { logLevelDefinition, logLevelService } from './rpc/log-level.ts';
import { logsDefinition, logService } from './rpc/logs.ts';
import { nodeDefinition, nodeService } from './rpc/node.ts';
import { peerDefinition, peerService } from './rpc/peers.ts';
import { queueServiceDefinition, queueService } from './rpc/queues.ts';
import { serverInfoDefinition, serverInfoService } from './rpc/server-info.ts';
import { submitDefinition, submitService } from './rpc/submit.ts';
import type { SchedulerHost } from './scheduler/host.ts';
import type { Positions, Store } from './store/store.ts';
import { submitRules } from './submit/rules.ts';
import type { EventHub } from './events/hub.ts';
import type { Inboxes } from './lease/inboxes.ts';

/** What services are made of. */
export interface Parts {
  clock: Clock;
  logger: Logger;
  logLevels: LogLevels;
  store: Store;
  hub: EventHub;
  inboxes: Inboxes;
  members: Membership;
  peers: Peers;
  scheduler: SchedulerHost;
  /** Of this server. */
  version: string;
  config: Config;
  door: Door;
  /** Who is let in on each port. */
  chains: Chains;
  health: HealthCheck;
  /** What people should know though all is well. */
  notices: () => readonly string[];
  /** Of the log, as far as it has been followed. */
  followed: () => Positions;
  /** Undefined while nothing is traced. */
  spans: Spans | undefined;
  /** Access keys and signing keys; undefined where the scheme `token` is not configured. */
  keys: Keys | undefined;
}

/**
 * What anybody may call by any protocol; what only executors and other servers
 * call, by gRPC; and what operators call, on a port of their own.
 */
export interface Services {
  public: readonly Service[];
  internal: readonly Service[];
  operator: readonly Service[];
}

/** All services, each wired to the parts that it needs. */
export function servicesOf(parts: Parts): Services {
  const { config, clock, logger, logLevels, store, door, hub, inboxes, members, peers, health } = parts;
  const { authorizer } = door;
  const submit = {
    store,
    clock,
    authorizer,
    random: createRandom(),
    rules: submitRules(config.submission, config.priorityClasses),
    classify: createClassifier(),
  };
  const holders = createHolders(peers);
  const lease = {
    store,
    clock,
    authorizer,
    inboxes,
    holders,
    sightings: peers.relay,
    logger: logger.child({ part: 'lease' }),
    spans: parts.spans,
  };
  const links = createLinks(authorizer);
  const { channels, taking } = peers;
  const readFromExecutor: LogDeps['readFromExecutor'] = (...question) =>
    readAnywhere({ links, channels, clock }, ...question);
  const askScheduler: FleetDeps['askScheduler'] = (question) => parts.scheduler.askFleet(question);
  const fleet = { members, channels, askScheduler };
  const access = accessServicesOf(parts);
  return {
    // In the order in which the documents of the API tell of them.
    public: [
      { definition: submitDefinition, methods: submitService(submit, health) },
      { definition: queueServiceDefinition, methods: queueService(submit) },
      { definition: eventDefinition, methods: eventService({ store, hub, authorizer }, health) },
      { definition: jobsDefinition, methods: jobsService({ store, authorizer }) },
      { definition: jobListDefinition, methods: jobListService({ store, authorizer }) },
      { definition: logsDefinition, methods: logService({ store, authorizer, readFromExecutor }) },
      { definition: executorDefinition, methods: executorService(submit) },
      { definition: nodeDefinition, methods: nodeService(submit) },
      {
        definition: serverInfoDefinition,
        methods: serverInfoService({ store, members, notices: parts.notices }),
      },
      ...access.public,
    ],
    internal: [
      { definition: executorApiDefinition, methods: executorApiService(lease) },
      { definition: executorLinkDefinition, methods: executorLinkService(links) },
      {
        definition: peerDefinition,
        methods: peerService({
          taking,
          links,
          holders,
          askScheduler,
          logLevels,
          signingKeys: () => parts.keys?.signingKeys() ?? [],
        }),
      },
    ],
    operator: [
      {
        definition: clusterDefinition,
        methods: clusterService(
          { store, members, followed: parts.followed, clock },
          { store, version: parts.version, build: commitOf() },
        ),
      },
      {
        definition: fleetDefinition,
        methods: fleetService({ ...submit, readFleet: (question) => readFleet(fleet, question) }),
      },
      {
        definition: logLevelDefinition,
        methods: logLevelService({ members, channels, levels: logLevels }),
      },
      ...access.operator,
    ],
  };
}

/** About who is let in. */
function accessServicesOf(parts: Parts): Pick<Services, 'public' | 'operator'> {
  const { chains, config, door } = parts;
  const keys = keyServicesOf(parts);
  const identity = ({ schemes }: Chain, authorizer: Authorizer): Service => ({
    definition: identityDefinition,
    methods: identityService({ authorizer, roles: config.auth.roles, acceptedSchemes: schemes }),
  });
  return {
    public: [identity(chains.users, door.authorizer), ...keys.public],
    operator: [...keys.operator, identity(chains.operators, withOperators(door.authorizer))],
  };
}

/** About keys, where there are any. */
function keyServicesOf({ keys, store, door, peers, clock }: Parts): Pick<Services, 'public' | 'operator'> {
  if (!keys) return { public: [], operator: [] };
  const deps = { ...keys, store, clock, authorizer: door.authorizer };
  const findHolders = () => findKeyHolders(peers, keys.signingKeys());
  const service = { definition: keyDefinition, methods: keyService(deps) };
  const query = { definition: keyQueryDefinition, methods: keyQueryService(deps) };
  return {
    public: keys.byQuery ? [service, query] : [service],
    operator: [{ definition: keyringDefinition, methods: keyringService({ ...deps, findHolders }) }],
  };
}
