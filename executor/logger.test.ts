import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

test('what users wrote stays inside its line of the log', () => {
  const said = 'a\u2028{"level":50}\u2029\u202e\u0085b';
  const program = `
    import { createLogger } from '@armada-ts/executor/logger';
    createLogger('info').info({ said: ${JSON.stringify(said)} }, 'told');`;
  const { stderr } = spawnSync(
    process.execPath,
    ['--conditions=source', '--input-type=module', '-e', program],
    { cwd: import.meta.dirname, encoding: 'utf8' },
  );
  assert.match(stderr, /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+\n$/u);
  assert.equal(JSON.parse(stderr).said, said);
});
