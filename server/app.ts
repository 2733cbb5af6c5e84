/**
 * The server put together, with services.ts and operator-port.ts the only place that wires
 * parts; engines.ts picks the store's.
 * Programs and tests build the same app from a configuration.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { GetServerInfoResponse } from '@armada-ts/api/armada/server/v1/info';
import { packageVersion } from '@armada-ts/api/package-version';
import { createAuthorizer, withOperators } from './auth/authorizer.ts';
import { createLiveOperatorToken, type LiveOperatorToken } from './auth/live-operator-token.ts';
import { type Keys, openKeys } from './auth/keys/open.ts';
import { createRightsWatch, type RightsWatch } from './auth/rights-watch.ts';
import { openChains } from './auth/schemes.ts';
import { createClientFinder } from './auth/trusted-proxies.ts';
import type { Clock } from './base/clock.ts';
import type { LogLevels } from './base/log-levels.ts';
import type { Logger } from './base/logger.ts';
import type { Config } from './config.ts';
import { openStore } from './engines.ts';
import { createEventHub } from './events/hub.ts';
import { followLog } from './follow.ts';
import { healthPage } from './gateway/health-page.ts';
import { createHttpServer, type Page } from './gateway/http.ts';
import { apiPages } from './gateway/openapi/pages.ts';
import { operatorApi, userApi } from './gateway/openapi/subjects.ts';
import { createInboxes } from './lease/inboxes.ts';
import { createVersionNotice } from './operator/client-version.ts';
import { createChecks, healthCheckOf } from './operator/health.ts';
import { openAuditFile } from './observe/audit-file.ts';
import { createObservation, type Observation } from './observe/observation.ts';
import { schedulerMetrics } from './observe/scheduler-metrics.ts';
import { serverMetrics } from './observe/server-metrics.ts';
import { timedStore } from './observe/store-metrics.ts';
import { describeServer, serverInfo } from './operator/server-info.ts';
import { createMembers, type Membership } from './peers/members.ts';
import { createPeers, type Peers, type PeersDeps } from './peers/peers.ts';
import { noticesOf } from './notices.ts';
import { addressOf, isAnywhere, listening } from './listening.ts';
import { openOperatorPort, type OperatorPort, type OperatorPortDeps } from './operator-port.ts';
import { checksPage } from './gateway/checks-page.ts';
import { metricsPage } from './gateway/metrics-page.ts';
import { keepRetention } from './retention.ts';
import { type Admission, createAdmission } from './door/admission.ts';
import type { Door } from './door/call.ts';
import { watchLateness } from './door/lateness.ts';
import { createGrpcServer } from './grpc/server.ts';
import { withHealth, withReflection } from './rpc/standard-services.ts';
import { type SchedulerHost, startScheduler } from './scheduler/host.ts';
import type { Store } from './store/store.ts';
import type { LiveTls } from './tls/live-tls.ts';
import {
  openUserTls,
  ownAuthorityFile,
  type OwnTls,
  ownTls,
  peerCredentials,
  trustedClientsOf,
} from './user-tls.ts';
import { type Parts, servicesOf } from './services.ts';

const VERSION = packageVersion(import.meta.url);

export interface App {
  /** `host:port` of the gRPC API. */
  grpcAddress: string;
  /** `http://host:port`, or `https://host:port`. */
  httpUrl: string;
  /** What clients of both are to trust, and how this process itself dials them; undefined when they talk plainly. */
  tls: { authorityFile: string | undefined; own: OwnTls | undefined } | undefined;
  /** Where operators reach it. */
  operator: OperatorPort;
  /** Where its metrics are read without credentials; undefined when nowhere. */
  metricsUrl: string | undefined;
  /** Where everything is kept, and what an answered submit survives. */
  store: string;
  /** Rejects when a part has failed beyond repair: the process should end, and be started again. */
  failed: Promise<never>;
  /** Finishes calls under way, ends streams so that they can be resumed, lets go of everything. */
  close(): Promise<void>;
}

export interface AppTools extends Tools {
  logLevels: LogLevels;
}

interface Tools {
  clock: Clock;
  logger: Logger;
}

/** Starts a server; it takes calls while it still loads. Throws ConfigError when it cannot listen, and what opening the store throws. */
export async function startApp(config: Config, tools: AppTools): Promise<App> {
  await using opened = new AsyncDisposableStack();
  const core = await openCore(opened, config, tools);
  const { store, scheduler, members, following, handOver } = core;
  const { grpcPort, ...addresses } = await openPorts(opened, config, core);
  members.join(advertised(config, grpcPort));
  opened.defer(handOver);
  await loaded(scheduler);

  const held = opened.move();
  return {
    ...addresses,
    store: `${store.info.name}, ${store.info.acknowledgement}`,
    failed: Promise.race([
      store.failed,
      scheduler.failed,
      following.done.then(() => new Promise<never>(() => {})),
    ]),
    close: () => held.disposeAsync(),
  };
}

/** What works whether anybody calls or not. */
interface Core extends AppTools {
  store: Store;
  hub: ReturnType<typeof createEventHub>;
  inboxes: ReturnType<typeof createInboxes>;
  members: Membership;
  peers: Peers;
  /** Of the ports of users; undefined where they talk plainly. */
  tls: LiveTls | undefined;
  observation: Observation;
  /** What people should know though all is well. */
  notices: () => string[];
  scheduler: SchedulerHost;
  /** Access keys and signing keys; undefined where they are not configured. */
  keys: Keys | undefined;
  /** The first credential of operators; undefined when it is not to be taken. */
  operatorToken: LiveOperatorToken | undefined;
  /** What open streams go on under. */
  rights: RightsWatch;
  following: Awaited<ReturnType<typeof followLog>>;
  /** Aborts when the server begins to stop. */
  stopping: AbortController;
  /** Finishes what was decided first, so that the next leader has nothing to wait for. */
  handOver: () => Promise<void>;
}

async function openCore(opened: AsyncDisposableStack, config: Config, tools: AppTools): Promise<Core> {
  const { clock, logger } = tools;
  const storeTools = { clock, logger: logger.child({ part: 'store' }) };
  const engine = opened.adopt(await openStore(config.store, storeTools), (open) => open.close());
  const { store, source } = timedStore(engine, clock);
  const stopping = new AbortController();
  const hub = createEventHub(store);
  const inboxes = createInboxes();
  const members = membershipOf(config, store, { clock, logger });
  const { file } = config.audit;
  const auditFile = file === undefined ? undefined : opened.use(await openAuditFile(file, logger));
  const notices = noticesOf(config, { auditFile, logger });
  const observation = opened.use(
    createObservation(config, { clock, logger, server: members.self, auditFile }),
  );
  observation.metrics.add(source);
  const scheduler = schedulerOf(config, { store, members, clock, logger });
  const handOver = async (): Promise<void> => {
    await scheduler.close();
    await members.leave();
  };
  opened.defer(handOver);
  const keys = await openKeys(config.auth, { store, clock, logger: logger.child({ part: 'auth' }) });
  if (keys) opened.use(keys);
  const rights = createRightsWatch(store, logger.child({ part: 'auth' }));
  const { secret } = store.servers;
  const operatorToken = config.operator.token ? createLiveOperatorToken(store, secret) : undefined;
  const credentials = [keys, operatorToken].filter((each) => each !== undefined);
  const following = await followLog(store, { hub, inboxes, credentials, rights }, stopping.signal);
  const retaining = keepRetention({ store, clock, logger, scheduler }, config.retention, stopping.signal);
  opened.defer(async () => {
    stopping.abort();
    await Promise.all([following.done.catch(() => {}), retaining]);
  });
  await keys?.begin();
  const tls = await openUserTls(config, { clock, logger: logger.child({ part: 'tls' }) });
  if (tls) opened.use(tls);
  const peers = opened.adopt(
    peersOf(scheduler, { store, members, credentials: peerCredentials(config), clock, logger }),
    (open) => open.close(),
  );
  const parts = {
    store,
    hub,
    inboxes,
    members,
    peers,
    tls,
    observation,
    scheduler,
    keys,
    operatorToken,
    rights,
    following,
  };
  return { ...tools, ...parts, notices, stopping, handOver };
}

type Addresses = Pick<App, 'grpcAddress' | 'httpUrl' | 'tls' | 'operator' | 'metricsUrl'> & {
  grpcPort: number;
};

/** Opens the doors, behind which are the services. */
async function openPorts(opened: AsyncDisposableStack, config: Config, core: Core): Promise<Addresses> {
  const { store, members, hub, peers, scheduler, following, observation, stopping, clock, logger } = core;
  const { observer, metrics, spans } = observation;
  const token = core.operatorToken;
  const authTools = { clock, logger: logger.child({ part: 'auth' }) };
  const chains = opened.use(await openChains(config.auth, authTools, token?.current, core.keys));
  const ownDoor = doorOf(config, peers, logger);
  const { rights } = core;
  const door = { ...ownDoor, chain: chains.users, rights, observer, stopping: stopping.signal };
  const checks = createChecks({ store, stopping: stopping.signal, scheduler });
  const health = healthCheckOf(checks);
  const followed = following.positions;
  const services = servicesOf({ ...core, version: VERSION, config, door, chains, health, followed, spans });
  const lateness = opened.adopt(watchLateness(clock), (watch) => watch.stop());
  const admission = createAdmission({ lateMs: () => lateness.lateMs(), clock, logger: door.logger });
  metrics.add(serverMetrics({ store, members, hub, admission, lateness, followed }));
  metrics.add(schedulerMetrics(scheduler));
  const pages = [checksPage(checks)];
  const operatorsDoor = { ...door, chain: chains.operators, authorizer: withOperators(door.authorizer) };
  const forOperators = withHealth(services.operator, health);
  const port = { door: operatorsDoor, token, services: forOperators, pages };
  // The last to be closed: what stops is still to be seen.
  const operator = opened.use(await operatorPortOf(config, core, port));
  const { maxRequestBytes } = config.grpc;
  const forUsers = withHealth(services.public, health);
  const everyone = withReflection([...forUsers, ...services.internal]);
  const grpc = createGrpcServer(everyone, { maxRequestBytes, admission, door, tls: core.tls });
  const http = await createHttpServer({
    host: config.host,
    ...config.http,
    allowedHosts: [...config.http.allowedHosts, ...config.tls.names],
    tls: core.tls,
    door,
    admission,
    services: forUsers,
    pages: [healthPageOf({ ...core, health, door }), apiPages(userApi(services.public, config.auth.schemes))],
  });
  opened.defer(async () => {
    stopping.abort();
    await Promise.all([grpc.close(), http.close()]);
  });
  const grpcPort = await listening('grpc.port', grpc.listen(config.host, config.grpc.port));
  const httpPort = await listening('http.port', http.listen(config.host, config.http.port));
  return {
    grpcPort,
    grpcAddress: addressOf(config.host, grpcPort),
    httpUrl: `${core.tls ? 'https' : 'http'}://${addressOf(config.host, httpPort)}`,
    tls: core.tls && { authorityFile: ownAuthorityFile(config), own: ownTls(config) },
    operator,
    metricsUrl: await openMetricsPort(opened, config, { door, admission, page: metricsPage(metrics) }),
  };
}

/** What only operators may call and read, beside pages that anybody may read. */
function operatorPortOf(
  config: Config,
  { observation: { metrics }, clock }: Core,
  { pages, ...port }: Pick<OperatorPortDeps, 'door' | 'token' | 'services' | 'pages'>,
): Promise<OperatorPort & AsyncDisposable> {
  const { door, token, services } = port;
  const named = config.auth.schemes.filter((scheme) => scheme !== 'anonymous');
  const credentials = token === undefined ? named : (['bearer', ...named] as const);
  const readable = [...pages, metricsPage(metrics, door), apiPages(operatorApi(services, credentials))];
  const trustedClients = trustedClientsOf(config);
  return openOperatorPort({ ...port, config: config.operator, trustedClients, pages: readable, clock });
}

/** Metrics on a port of their own, where that is configured. Returns their URL. */
async function openMetricsPort(
  opened: AsyncDisposableStack,
  { host, http: { allowedHosts, maxRequestBytes }, metrics: { port } }: Config,
  { door, admission, page }: { door: Door; admission: Admission; page: Page },
): Promise<string | undefined> {
  if (port === undefined) return undefined;
  const limits = { host, allowedHosts, corsOrigins: [], maxRequestBytes };
  const server = await createHttpServer({ ...limits, door, admission, services: [], pages: [page] });
  opened.defer(() => server.close());
  return `http://${addressOf(host, await listening('metrics.port', server.listen(host, port)))}/metrics`;
}

/** Resolves when the scheduler has loaded everything: whoever hears that the server is up finds it healthy. Rejects when it fails. */
function loaded(scheduler: SchedulerHost): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (scheduler.role() === 'loading') return;
      leave();
      resolve();
    };
    const leave = scheduler.subscribe(look);
    look();
    scheduler.failed.catch(reject);
  });
}

function doorOf(
  config: Config,
  peers: Peers,
  logger: Logger,
): Omit<Door, 'chain' | 'rights' | 'stopping' | 'observer'> {
  return {
    authorizer: createAuthorizer(config.auth),
    versionNotice: createVersionNotice(VERSION),
    callerOf: (token) => peers.callerOf(token),
    findClient: createClientFinder(config.trustedProxies),
    logger: logger.child({ part: 'rpc' }),
    newRequestId: () => randomUUID(),
  };
}

/** Not yet among the others: that takes an address. */
function membershipOf(config: Config, store: Store, { clock, logger }: Tools): Membership {
  return createMembers({
    store,
    self: {
      id: randomUUID(),
      name: config.name ?? hostname(),
      version: VERSION,
      startedAtMs: clock.now(),
    },
    clock,
    logger: logger.child({ part: 'servers' }),
  });
}

function schedulerOf(
  { scheduling, priorityClasses }: Config,
  { store, members, clock, logger }: { store: Store; members: Membership } & Tools,
): SchedulerHost {
  return startScheduler({
    store,
    election: members,
    config: scheduling,
    priorityClasses,
    clock,
    logger: logger.child({ part: 'scheduler' }),
  });
}

function peersOf(
  scheduler: SchedulerHost,
  {
    store,
    members,
    credentials,
    clock,
    logger,
  }: Pick<Core, 'store' | 'members'> & Pick<PeersDeps, 'credentials'> & Tools,
): Peers {
  return createPeers({
    members,
    secret: store.servers.secret,
    credentials,
    leadership: {
      leads: () => scheduler.role() === 'leading',
      subscribe: (listener) => scheduler.subscribe(listener),
    },
    see: (sighting) => scheduler.executorSeen(sighting),
    clock,
    logger: logger.child({ part: 'peers' }),
  });
}

function healthPageOf({
  store,
  members,
  notices,
  health,
  door,
}: Pick<Core, 'store' | 'members' | 'notices'> & Pick<Parts, 'health' | 'door'>): Page {
  const info = (): GetServerInfoResponse => serverInfo({ store, members, notices });
  return healthPage({
    health,
    notices: () => info().notices,
    describe: () => describeServer(info()),
    door,
  });
}

/** Where other servers reach this one. */
function advertised({ advertisedAddress, host }: Config, grpcPort: number): string {
  return advertisedAddress ?? addressOf(isAnywhere(host) ? hostname() : host, grpcPort);
}
