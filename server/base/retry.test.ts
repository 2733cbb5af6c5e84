import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArmadaError } from './errors.ts';
import { untilAvailable } from './retry.ts';

test('untilAvailable() repeats what fails for now, and nothing else', async () => {
  let tries = 0;
  const fails = (error: Error): Promise<number> => {
    tries++;
    return tries < 3 ? Promise.reject(error) : Promise.resolve(tries);
  };
  const { signal } = new AbortController();
  assert.equal(await untilAvailable(() => fails(new ArmadaError('UNAVAILABLE', 'away')), signal), 3);
  tries = 0;
  await assert.rejects(
    untilAvailable(() => fails(new ArmadaError('INVALID_REQUEST', 'wrong')), signal),
    { code: 'INVALID_REQUEST' },
  );
  tries = 0;
  await assert.rejects(
    untilAvailable(() => fails(new ArmadaError('UNAVAILABLE', 'away')), AbortSignal.abort()),
    { code: 'UNAVAILABLE' },
  );
  assert.equal(tries, 1);
});
