import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { createProviderKeys } from '../oidc/provider-keys.ts';
import { demandSigned } from './signature.ts';

const tools = { clock: systemClock, logger: silentLogger };
const REFUSED = { code: 'UNAUTHENTICATED' };

test('demandSigned() believes what the keys of the cluster have signed, and nothing else', async () => {
  const own = await generateKeyPair('RS256', { extractable: true });
  const others = await generateKeyPair('RS256');
  const published = { ...(await exportJWK(own.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  const keys = createProviderKeys('cluster', { readSet: async () => ({ keys: [published] }), ...tools });
  const sign = (header: object, key = own.privateKey) =>
    new SignJWT({ sub: 'x' }).setProtectedHeader({ alg: 'RS256', ...header }).sign(key);
  const good = await sign({ kid: 'one' });
  await demandSigned(good, keys);
  // There is one key, so none has to be named.
  await demandSigned(await sign({}), keys);

  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const [, claims = '', signature = ''] = good.split('.');
  const hmac = `${part({ alg: 'HS256', kid: 'one' })}.${claims}`;
  const shared = Buffer.from(published.n ?? '', 'base64url');
  for (const wrong of [
    await sign({ kid: 'one' }, others.privateKey),
    await sign({ kid: 'two' }),
    await sign({ kid: '../../etc/passwd' }),
    `${part({ alg: 'none', kid: 'one' })}.${claims}.`,
    `${hmac}.${createHmac('sha256', shared).update(hmac).digest('base64url')}`,
    `${part({ alg: 'RS256', kid: 'one', crit: ['exp'] })}.${claims}.${signature}`,
    `${good.slice(0, -4)}AAAA`,
    'a.b.c',
    '',
  ])
    await assert.rejects(demandSigned(wrong, keys), REFUSED, wrong);
});

test('demandSigned() does not know while there are no keys', async () => {
  const readSet = () => Promise.reject(new Error('away'));
  const keys = createProviderKeys('cluster', { readSet, ...tools });
  const { privateKey } = await generateKeyPair('ES256');
  const token = await new SignJWT().setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(privateKey);
  await assert.rejects(demandSigned(token, keys), { code: 'UNAVAILABLE' });
});
