/** armada-server: the control plane on its own, configured by files and environment. */
import { parseArgs } from 'node:util';
import type { App } from './app.ts';
import { systemClock } from './base/clock.ts';
import { createLogging } from './base/logger.ts';
import { loadConfig } from './config.ts';
import { runUntilStopped } from './run.ts';

const USAGE = `usage: armada-server [--config FILE]...

Settings come from the files, later ones over earlier ones, and from ARMADA_*
in the environment; see docs/configuration.md.

       armada-server standalone   with an executor for this machine beside it
       armada-server migrate      copies a stopped deployment to another store
       armada-server check        replays the events of a stopped deployment
       armada-server check-audit  checks that an audit log is as it was written
       armada-server restored     tells a store that an older copy of it was restored
`;

await runUntilStopped('armada-server', async (): Promise<App> => {
  const { values } = parseArgs({
    options: { config: { type: 'string', multiple: true }, help: { type: 'boolean' } },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const config = loadConfig({
    defaults: {},
    files: values.config ?? [],
    environment: process.env,
    flags: {},
  });
  const { logger, logLevels } = createLogging(config.logLevel);
  // Here, as it takes a second, in which signals would not be heeded yet.
  const { startApp } = await import('./app.ts');
  const app = await startApp(config, { clock: systemClock, logger, logLevels });
  process.stdout.write(
    `armada-server: gRPC ${app.grpcAddress}, health ${app.httpUrl}/health, ${app.store}\n`,
  );
  const { grpcAddress, httpsUrl, tokenFile } = app.operator;
  const token = tokenFile ? `, token in ${tokenFile}` : '';
  process.stdout.write(`armada-server: operator port ${httpsUrl}, gRPC ${grpcAddress}${token}\n`);
  if (app.metricsUrl) process.stdout.write(`armada-server: metrics ${app.metricsUrl}\n`);
  return app;
});
