/** The program armada-executor. */
import { isatty } from 'node:tty';
import { TlsFault } from '@armada-ts/api/servers/tls-credentials';
import { TokenFileFault } from '@armada-ts/api/servers/token-file';
import { loadConfig, usage } from './config-sources.ts';
import { ConfigError } from './config.ts';
import { startExecutor } from './executor.ts';
import { createLogger } from './logger.ts';
import { DirectoryLocked } from './process/lock.ts';

/** What a wrong configuration exits with, so that a service manager does not try it for ever. */
const EXIT_CONFIG = 2;

async function main(): Promise<void> {
  const config = loadConfig(process.argv.slice(2), process.env);
  if (config === undefined) {
    process.stdout.write(usage());
    return;
  }
  const logger = createLogger(config.logLevel);
  const stopped = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stopped.resolve);
  // Asked before it is gone.
  const hasTerminal = isatty(0);
  process.on('SIGHUP', (signal) => {
    if (hasTerminal) stopped.resolve(signal);
    else
      logger.info({ signal }, 'certificates and tokens are read again whenever they change; nothing to do');
  });
  const executor = await startExecutor({ config, logger, environment: process.env });
  const { runtime, server } = config;
  logger.info({ executor: executor.executorId, runtime, server: server.address }, 'executor started');
  const signal = await stopped.promise;
  logger.info({ signal }, 'executor stopping; runs go on');
  await executor.close();
}

try {
  await main();
  process.exit(0);
} catch (error) {
  const isExpected = [ConfigError, DirectoryLocked, TlsFault, TokenFileFault].some(
    (kind) => error instanceof kind,
  );
  const text =
    error instanceof Error ? (isExpected ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`armada-executor: ${text}\n`);
  process.exit(isExpected ? EXIT_CONFIG : 1);
}
