import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { authSchema } from './config.ts';
import { hashPassword } from './password.ts';
import { chainOf } from './schemes.ts';

test('chainOf() builds the configured schemes', async () => {
  const users = { ann: { password: await hashPassword('secret') } };
  const config = authSchema.parse({ schemes: ['basic', 'anonymous'], basic: { users } });
  const chain = chainOf(config, systemClock);
  assert.equal((await chain.authenticate([`Basic ${btoa('ann:secret')}`])).name, 'ann');
  assert.equal((await chain.authenticate([])).name, 'anonymous');
  await assert.rejects(chain.authenticate([`Basic ${btoa('ann:wrong')}`]), { code: 'UNAUTHENTICATED' });
  const strict = chainOf({ ...config, schemes: ['basic'] }, systemClock);
  await assert.rejects(strict.authenticate([]), { code: 'UNAUTHENTICATED' });
});
