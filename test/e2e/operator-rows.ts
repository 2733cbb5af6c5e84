// What the operator port offers, by gRPC and by REST, written down once more by
// hand: all of it demands the permission `operate`.
import type { Outcome } from './calls.ts';

export interface OperatorRow {
  path: string;
  request: object;
  /** The same by REST: method and path, and the body where there is one. */
  rest: readonly [method: string, path: string, body?: object];
  /** What becomes of it when the caller may. Where nothing of the name is there, none is changed. */
  code: Outcome['code'];
}

const CLUSTER = '/armada.operator.v1.ClusterService';
const FLEET = '/armada.operator.v1.FleetService';
const LOG_LEVEL = '/armada.operator.v1.LogLevelService';
const KEYRING = '/armada.operator.v1.KeyringService';
const EXECUTORS = '/v1/operator/executors';

const signingKey = Buffer.alloc(32, 1);
const node = { executor: 'e', name: 'n', reason: 'dust', letRunningFinish: false };

/** What gRPC's own tools ask, by gRPC alone: probes have no credentials; the documents of the API tell as much as reflection. */
export const PROBED = ['Check', 'List', 'Watch'].map((name) => `/grpc.health.v1.Health/${name}`);

export const DESCRIBED = ['v1', 'v1alpha'].map((version) => ({
  path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
  request: { host: '', messageRequest: { $case: 'listServices', value: '' } },
}));

/** What callers are told of themselves, whoever is let in. */
export const IDENTITY = { path: '/armada.auth.v1.IdentityService/GetIdentity', request: {} };

/** Methods may stand here more than once. */
export const OPERATOR_ROWS: readonly OperatorRow[] = [
  {
    path: `${CLUSTER}/GetConfiguration`,
    request: { stale: false },
    rest: ['GET', '/v1/operator/cluster/configuration'],
    code: 'OK',
  },
  {
    path: `${CLUSTER}/GetConfiguration`,
    request: { stale: true },
    rest: ['GET', '/v1/operator/cluster/configuration?stale=true'],
    code: 'OK',
  },
  {
    path: `${CLUSTER}/RemovePeer`,
    request: { address: 'nobody:1' },
    rest: ['DELETE', '/v1/operator/cluster/peer?address=nobody:1'],
    code: 'NOT_FOUND',
  },
  { path: `${CLUSTER}/GetVersion`, request: { clientVersion: '' }, rest: ['GET', '/version'], code: 'OK' },
  {
    path: `${FLEET}/ListExecutors`,
    request: { name: '', pageSize: 0, pageToken: '' },
    rest: ['GET', EXECUTORS],
    code: 'OK',
  },
  {
    path: `${FLEET}/ListNodes`,
    request: { executor: '', name: '', pageSize: 0, pageToken: '' },
    rest: ['GET', '/v1/operator/nodes'],
    code: 'OK',
  },
  {
    path: `${FLEET}/CordonExecutor`,
    request: { name: 'e', reason: 'dust' },
    rest: ['POST', `${EXECUTORS}/e/cordon`, { reason: 'dust' }],
    code: 'OK',
  },
  {
    path: `${FLEET}/UncordonExecutor`,
    request: { name: 'e' },
    rest: ['POST', `${EXECUTORS}/e/uncordon`, {}],
    code: 'OK',
  },
  {
    path: `${FLEET}/DrainExecutor`,
    request: { name: 'none', reason: 'dust', letRunningFinish: false },
    rest: ['POST', `${EXECUTORS}/none/drain`, { reason: 'dust' }],
    code: 'NOT_FOUND',
  },
  {
    path: `${FLEET}/RemoveExecutor`,
    request: { name: 'none', requeueJobs: true },
    rest: ['DELETE', `${EXECUTORS}/none?requeueJobs=true`],
    code: 'NOT_FOUND',
  },
  {
    path: `${FLEET}/CordonNode`,
    request: node,
    rest: ['POST', `${EXECUTORS}/e/nodes/n/cordon`, { reason: 'dust' }],
    code: 'OK',
  },
  {
    path: `${FLEET}/UncordonNode`,
    request: node,
    rest: ['POST', `${EXECUTORS}/e/nodes/n/uncordon`, {}],
    code: 'OK',
  },
  {
    path: `${FLEET}/DrainNode`,
    request: { ...node, executor: 'none' },
    rest: ['POST', `${EXECUTORS}/none/nodes/n/drain`, { reason: 'dust' }],
    code: 'NOT_FOUND',
  },
  { path: `${LOG_LEVEL}/GetLogLevel`, request: { component: '' }, rest: ['GET', '/log/level'], code: 'OK' },
  {
    path: `${LOG_LEVEL}/SetLogLevel`,
    request: { component: '', level: 'warn' },
    rest: ['PUT', '/log/level', { level: 'warn' }],
    code: 'OK',
  },
  {
    path: `${LOG_LEVEL}/SetLogLevel`,
    request: { component: '', level: '' },
    rest: ['POST', '/log/level', {}],
    code: 'OK',
  },
  { path: `${KEYRING}/GetKeyring`, request: {}, rest: ['GET', '/v1/operator/keyring'], code: 'OK' },
  {
    path: `${KEYRING}/InstallKey`,
    request: { key: signingKey },
    rest: ['POST', '/v1/operator/keyring', { key: signingKey.toString('base64') }],
    code: 'OK',
  },
  {
    path: `${KEYRING}/UseKey`,
    request: { id: 'none' },
    rest: ['PUT', '/v1/operator/keyring', { id: 'none' }],
    code: 'NOT_FOUND',
  },
  {
    path: `${KEYRING}/RemoveKey`,
    request: { id: 'none', force: true },
    rest: ['DELETE', '/v1/operator/keyring?id=none&force=true'],
    code: 'NOT_FOUND',
  },
];
