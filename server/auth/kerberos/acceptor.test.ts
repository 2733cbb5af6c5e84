import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAcceptorProcess } from './acceptor-process.ts';

const start = { keytab: 'nowhere.keytab', principals: ['HTTP/localhost@ARMADA.TEST'] };

/** Code that runs in the process before anything else. */
function first(code: string): string {
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

async function reasonWith(nodeOptions: string): Promise<string> {
  process.env.NODE_OPTIONS = nodeOptions;
  try {
    await startAcceptorProcess(start);
    return 'started';
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'INVALID_REQUEST');
    return (error as Error).message;
  } finally {
    delete process.env.NODE_OPTIONS;
  }
}

test('startAcceptorProcess() says in one sentence that the package is missing', async () => {
  const reason = await reasonWith(
    first(`import { registerHooks } from 'node:module';
      registerHooks({ resolve(name, context, next) {
        if (name !== 'kerberos') return next(name, context);
        throw Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' });
      } });`),
  );
  assert.match(
    reason,
    /^auth\.schemes: kerberos cannot be used: the optional package "kerberos" is not installed; [^.]+$/,
  );
});

test('startAcceptorProcess() says that a key is missing, and where', async () => {
  assert.match(
    await reasonWith(''),
    /the keytab nowhere\.keytab has no key of HTTP\/localhost@ARMADA\.TEST: /,
  );
});

test('startAcceptorProcess() says that the process has ended', async () => {
  assert.match(await reasonWith(first('process.exit(3)')), /cannot be used: its process has ended$/);
});
