import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withLevels } from './log-levels.ts';
import type { Logger } from './logger.ts';

/** A sink that notes everything it is given, with what its loggers were bound to. */
function noting(lines: string[], bound = ''): Logger {
  const at = (level: string) => (_: object, message: string) => {
    lines.push(`${bound}${level} ${message}`);
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    isLevelEnabled: () => true,
    child: (fields) => noting(lines, `${bound}${Object.values(fields).join()}: `),
  };
}

function sayAll(logger: Logger): void {
  logger.debug({}, 'a');
  logger.info({}, 'b');
  logger.warn({}, 'c');
  logger.error({}, 'd');
}

test('each level lets through itself and what is worse', () => {
  for (const [level, count] of [
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
    ['silent', 0],
  ] as const) {
    const lines: string[] = [];
    const { logger } = withLevels(noting(lines), level);
    sayAll(logger);
    assert.equal(lines.length, count, level);
    const enabled = (['debug', 'info', 'warn', 'error'] as const).filter((one) => logger.isLevelEnabled(one));
    assert.equal(enabled.length, count, level);
  }
});

test('a part has a level of its own, which its loggers follow also when they are older', () => {
  const lines: string[] = [];
  const { logger, levels } = withLevels(noting(lines), 'error');
  const scheduler = logger.child({ part: 'scheduler' });
  const deep = scheduler.child({ job: 'x' });
  levels.set('scheduler', 'debug');
  sayAll(deep);
  assert.deepEqual(lines.splice(0), [
    'scheduler: x: debug a',
    'scheduler: x: info b',
    'scheduler: x: warn c',
    'scheduler: x: error d',
  ]);
  sayAll(logger.child({ part: 'rpc' }));
  assert.deepEqual(lines.splice(0), ['rpc: error d']);
  sayAll(logger.child({ part: 'scheduler' }).child({ job: 'y' }));
  assert.equal(lines.splice(0).length, 4, 'a later logger of the part has its level');
  assert.deepEqual(levels.list(), [
    { component: 'rpc', level: 'error' },
    { component: 'scheduler', level: 'debug' },
    { component: 'server', level: 'error' },
  ]);
});

test('all are changed at once, and are again what was configured', () => {
  const { logger, levels } = withLevels(noting([]), 'warn');
  const rpc = logger.child({ part: 'rpc' });
  levels.set(undefined, 'debug');
  assert.deepEqual([logger.isLevelEnabled('debug'), rpc.isLevelEnabled('debug')], [true, true]);
  levels.set('rpc');
  assert.deepEqual([logger.isLevelEnabled('debug'), rpc.isLevelEnabled('info')], [true, false]);
  levels.set('nobody', 'debug');
  levels.set();
  assert.deepEqual(
    levels.list().map(({ level }) => level),
    ['warn', 'warn'],
  );
});

test('names that come without end are the server itself', () => {
  const lines: string[] = [];
  const { logger, levels } = withLevels(noting(lines), 'warn');
  for (let i = 0; i < 200; i++) logger.child({ part: `part ${i}` });
  assert.equal(levels.list().length, 100);
  levels.set('server', 'debug');
  logger.child({ part: 'part 199' }).debug({}, 'told');
  assert.equal(lines.length, 1);
});
