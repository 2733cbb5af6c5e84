import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { authSchema } from './config.ts';
import { hashPassword } from './password.ts';
import { operatorToken } from './operator-token.ts';
import { chainsOf } from './schemes.ts';
import { SOMEBODY } from './testing/somebody.ts';

test('chainsOf() builds the configured schemes', async () => {
  const users = { ann: { password: await hashPassword('secret') } };
  const config = authSchema.parse({ schemes: ['basic', 'anonymous'], basic: { users } });
  const chain = chainsOf(config, systemClock, undefined).users;
  assert.equal((await chain.authenticate([`Basic ${btoa('ann:secret')}`], SOMEBODY)).name, 'ann');
  assert.equal((await chain.authenticate([], SOMEBODY)).name, 'anonymous');
  await assert.rejects(chain.authenticate([`Basic ${btoa('ann:wrong')}`], SOMEBODY), {
    code: 'UNAUTHENTICATED',
  });
  const strict = chainsOf({ ...config, schemes: ['basic'] }, systemClock, undefined).users;
  await assert.rejects(strict.authenticate([], SOMEBODY), { code: 'UNAUTHENTICATED' });
});

test('chainsOf() lets nobody operate without credentials, and takes the operator token nowhere else', async () => {
  const users = { ann: { password: await hashPassword('secret') } };
  const config = authSchema.parse({ schemes: ['anonymous', 'basic'], basic: { users } });
  const token = `Bearer ${operatorToken(Buffer.from('secret of the store'))}`;
  const chains = chainsOf(config, systemClock, () => token.slice('Bearer '.length));
  assert.equal((await chains.operators.authenticate([token], SOMEBODY)).name, 'operator');
  assert.equal((await chains.operators.authenticate([`Basic ${btoa('ann:secret')}`], SOMEBODY)).name, 'ann');
  await assert.rejects(chains.operators.authenticate([], SOMEBODY), { code: 'UNAUTHENTICATED' });
  assert.deepEqual(
    chains.operators.challenges.map((challenge) => challenge.split(' ')[0]),
    ['Bearer', 'Basic'],
  );
  await assert.rejects(chains.users.authenticate([token], SOMEBODY), { code: 'UNAUTHENTICATED' });
  const without = chainsOf(config, systemClock, undefined).operators;
  await assert.rejects(without.authenticate([token], SOMEBODY), { code: 'UNAUTHENTICATED' });
});
