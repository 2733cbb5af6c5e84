// Servers, executors and clients that all prove themselves to each other: two
// servers of one store that let in nobody without a certificate.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  LogLevelServiceService,
  type SetLogLevelResponse,
} from '@armada-ts/api/armada/operator/v1/log_level';
import { SubmitService } from '@armada-ts/api/api/submit';
import { tlsCredentials } from '@armada-ts/api/servers/tls-credentials';
import { connect, createQueue } from '@armada-ts/client';
import { startApp } from '@armada-ts/server/app';
import { PERMISSIONS } from '@armada-ts/server/auth/permissions';
import { systemClock } from '@armada-ts/server/base/clock';
import { withLevels } from '@armada-ts/server/base/log-levels';
import { silentLogger } from '@armada-ts/server/base/logger';
import { type ConfigInput, loadConfig } from '@armada-ts/server/config';
import { Client } from '@grpc/grpc-js';
import { createDirectory, startRedis } from '../store/redis.servers.ts';
import { type AnyMethod, call } from './calls.ts';
import { type KeyPair, makeTestAuthority } from './certificates.ts';
import { startPretending } from './in-process.ts';
import { jobItem } from './items.ts';
import { temporaryDirectory } from './programs.ts';
import { eventsUntil, have } from './watching.ts';

const SET = { queue: 'q', jobSetId: 'set' };

test('servers that require certificates talk to each other, to executors and to clients', {
  timeout: 90_000,
}, async (t) => {
  const directory = await temporaryDirectory(t);
  const redis = await startRedis(await createDirectory(), ['--save', '', '--appendonly', 'no']);
  t.after(() => redis.kill());
  const authority = await makeTestAuthority(directory, 'users');
  const olga = await authority.issue('olga', { subject: '/OU=operators/CN=olga' });
  const east = await authority.issue('east', { subject: '/OU=executors/CN=east' });
  const start = async (name: string) => {
    const app = await startServer(join(directory, name), {
      name,
      store: { url: `redis://127.0.0.1:${redis.port}`, acknowledgement: 'local' },
      tls: {
        selfSigned: true,
        directory: join(directory, 'tls'),
        clients: { authorityFile: authority.certFile, required: true },
      },
    });
    t.after(() => app.close());
    return app;
  };
  const [one, two] = [await start('one'), await start('two')];
  const caFile = join(directory, 'tls/ca.pem');

  const unproven = connect({
    address: two.grpcAddress,
    tls: { caFile },
    connectTimeoutMs: 1_000,
    retryForMs: 0,
  });
  await assert.rejects(createQueue(unproven, { name: 'q' }), { code: 'UNAVAILABLE' });
  unproven.close();
  using connection = connect({ address: two.grpcAddress, tls: { caFile, ...olga } });
  await createQueue(connection, { name: SET.queue });
  const executor = await startPretending(directory, two.grpcAddress, {
    executorId: 'east',
    runMs: 20,
    server: { address: two.grpcAddress, caFile, ...east },
  });
  t.after(() => executor.close({ endRuns: true }));
  // The executor is connected to the server that does not lead, so its requests are relayed.
  await connection.call(SubmitService.submitJobs, { ...SET, jobRequestItems: [jobItem({}), jobItem({})] });
  await eventsUntil(connection, SET, have('succeeded', 2), 30_000);

  assert.deepEqual(await levelsKnownAt(one, olga), ['one', 'two']);
  assert.deepEqual(await levelsKnownAt(two, olga), ['one', 'two']);
});

type Started = Awaited<ReturnType<typeof startApp>>;

function startServer(place: string, settings: Partial<ConfigInput>): Promise<Started> {
  const port = { port: 0 };
  const defaults = {
    grpc: port,
    http: port,
    operator: { grpc: port, http: port, directory: join(place, 'operator') },
    auth: {
      schemes: ['mtls'],
      mtls: { principals: [{ from: 'commonName', pattern: '*', groupsFrom: 'organizationalUnit' }] },
      permissionGroupMapping: {
        ...Object.fromEntries(PERMISSIONS.map((permission) => [permission, ['operators']])),
        execute_jobs: ['executors'],
      },
    },
    ...settings,
  };
  const config = loadConfig({ defaults, files: [], environment: {}, flags: {} });
  const { logger, levels: logLevels } = withLevels(silentLogger, 'warn');
  return startApp(config, { clock: systemClock, logger, logLevels });
}

/** Names of the servers whose log levels a server can change: it asks the others. */
async function levelsKnownAt({ operator }: Started, shown: KeyPair): Promise<string[]> {
  const { grpcAddress: address, authorityFile } = operator;
  const options = { 'grpc.ssl_target_name_override': 'localhost' };
  const client = new Client(address, tlsCredentials({ caFile: authorityFile, ...shown }), options);
  const method = LogLevelServiceService.setLogLevel as unknown as AnyMethod;
  const { answer, error } = await call(client, method, { component: 'scheduler', level: 'info' });
  client.close();
  if (error) throw error;
  const { levels, unreached } = answer as SetLogLevelResponse;
  return [...levels.map(({ server }) => server).toSorted(), ...unreached.map((name) => `${name} is away`)];
}
