// Whoever shows anything is taken at that, in every chain that can be configured: never for nobody in particular, never for somebody else.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import type { Caller, Chain } from './chain.ts';
import { type AuthConfig, authSchema } from './config.ts';
import { createKey } from './keys/access-keys.ts';
import { ANN, createKeyStore } from './keys/testing/servers.ts';
import { createTokenScheme, issueToken } from './keys/token.ts';
import { kerberosSchema } from './kerberos/config.ts';
import { createKerberosScheme } from './kerberos/scheme.ts';
import { GOOD, NOT_GOOD, openTold, token as accountToken } from './kubernetes/testing/told-scheme.ts';
import { openMtls } from './mtls/scheme.ts';
import { openOidc } from './oidc/open.ts';
import { startProvider } from './oidc/testing/provider-stub.ts';
import { operatorToken } from './operator-token.ts';
import { chainsOf } from './schemes.ts';
import { SOMEBODY } from './testing/somebody.ts';

const SCHEMES = ['basic', 'oidc', 'kerberos', 'mtls', 'token', 'kubernetes', 'anonymous'] as const;
type SchemeName = (typeof SCHEMES)[number];

/** What a chain may say of those it does not let in. */
const REFUSALS = new Set(['UNAUTHENTICATED', 'OVERLOADED', 'UNAVAILABLE']);

const CHEAP_HASH = 'scrypt$2$1$1$AAAAAAAAAAA=$GTNstW85Yenm20RCj1tcGFjgUMpoGFLSX4iyy1a/dUg=';

function certificateOf(name: string): Buffer {
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null'];
  return execFileSync('openssl', ['req', '-x509', ...kind, '-subj', `/CN=${name}`, '-outform', 'DER'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** Every scheme with what it takes, and what makes chains of them. */
async function world() {
  await using provider = await startProvider();
  const config = authSchema.parse({
    schemes: SCHEMES,
    basic: { users: { ann: { password: CHEAP_HASH } } },
    oidc: { providers: [{ issuer: provider.issuer, audience: ['armada'] }] },
    mtls: { principals: [{ from: 'commonName', pattern: 'anna', name: 'anna' }] },
  });
  const clock = systemClock;
  const oidc = await openOidc(config, { clock, logger: silentLogger });
  const mtls = await openMtls(config, clock);
  const server = await createKeyStore().start();
  // Of a user whom no scheme has to know.
  const key = await createKey(server, { ...ANN, scheme: '' }, '');
  const issued = await issueToken(server, key, 60_000);
  const kerberos = createKerberosScheme(
    kerberosSchema.parse({ keytab: 'none', principals: ['HTTP/a@A'], realms: { A: {} } }),
    {
      acceptors: { accept: async () => ({ outcome: 'refused', reason: 'no ticket' }) },
      groups: undefined,
      clock,
    },
  );
  const operators = operatorToken(Buffer.from('of the store'));
  const idToken = await provider.token();
  // Its keys are read now: the provider goes with this function.
  await oidc?.authenticate(`Bearer ${idToken}`, SOMEBODY);
  const keys = { scheme: createTokenScheme(server), owners: server.owners };
  const account = accountToken();
  const kubernetes = openTold();
  kubernetes.world.answer = async () => (kubernetes.world.asked.at(-1) === account ? GOOD : NOT_GOOD);
  const started = { oidc, mtls, kerberos, keys, kubernetes: kubernetes.scheme };
  const chainsWith = (schemes: SchemeName[]) =>
    chainsOf({ ...config, schemes } satisfies AuthConfig, clock, () => operators, started);
  const good: Record<string, string> = {
    basic: `Basic ${btoa('ann:right')}`,
    oidc: `Bearer ${idToken}`,
    token: `Bearer ${issued.token}`,
    kubernetes: `Bearer ${account}`,
    'operator-token': `Bearer ${operators}`,
  };
  return { chainsWith, good };
}

/** Everything but what is good: other words, other values, and good ones that are spoiled. */
function* credentials(good: Readonly<Record<string, string>>): Generator<string> {
  const rubbish = [
    '',
    ' ',
    'abc',
    'null',
    '%00',
    '\u0000',
    'ä',
    '{}',
    '[]',
    '=',
    'YQ==',
    btoa('ann:'),
    btoa(':'),
  ];
  const long = [
    'x'.repeat(5_000),
    'x'.repeat(20_000),
    'a.b.c',
    `${btoa('{"alg":"none"}')}.e30.`,
    'eyJ9.e30.x',
  ];
  const words = [
    '',
    ' ',
    'Basic',
    'bAsIc',
    'Bearer',
    'BEARER',
    'Negotiate',
    'KubernetesAuth',
    'NTLM',
    'Digest',
  ];
  const others = ['anonymous', 'None', 'Basic,Bearer', 'Basic:', 'Bearer\t', '\tBasic', 'ｂasic', 'token'];
  for (const word of [...words, ...others]) {
    yield word;
    for (const value of [...rubbish, ...long]) yield `${word} ${value}`;
  }
  for (const each of Object.values(good)) {
    const [word = '', value = ''] = each.split(' ');
    yield ` ${each}`;
    yield `${word}\t${value}`;
    yield `${word}${value}`;
    yield `Other ${value}`;
    yield value;
    yield `${each}, ${each}`;
    yield `${each},Basic ${btoa('ann:right')}`;
    yield `${word} ${value.slice(1)}`;
    yield `${word} ${value}x`;
    yield `${word} ${value} x`;
    yield `${word} ${value.toUpperCase()}`;
  }
}

/** Name of the scheme that lets the caller in, or what it says otherwise; anything else that is thrown fails. */
async function entered(chain: Chain, authorizations: string[], caller: Caller): Promise<string> {
  try {
    return (await chain.authenticate(authorizations, { ...caller })).scheme;
  } catch (error) {
    const code = String((error as { code?: unknown }).code);
    assert.ok(REFUSALS.has(code), `${authorizations.join(' | ').slice(0, 80)}: ${String(error)}`);
    return code;
  }
}

/** All there are, each in two orders. */
function* selections(): Generator<SchemeName[]> {
  for (let bits = 1; bits < 2 ** SCHEMES.length; bits++) {
    const chosen = SCHEMES.filter((_, at) => (bits & (1 << at)) !== 0);
    yield chosen;
    if (chosen.length > 1) yield chosen.toReversed();
  }
}

test('in no chain is anybody let in by what is not good, nor for less than they show', async () => {
  const { chainsWith, good } = await world();
  const anna = { ...SOMEBODY, certificate: certificateOf('anna') };
  const unnamed = { ...SOMEBODY, certificate: certificateOf('somebody') };
  const bad = [...credentials(good)];
  let turn = 0;
  for (const schemes of selections()) {
    turn++;
    const chains = chainsWith(schemes);
    const has = (name: string): boolean => schemes.some((scheme) => scheme === name);
    for (const [port, chain] of Object.entries(chains)) {
      const where = `${port} of ${schemes.join(', ')}`;
      for (const [at, each] of bad.entries()) {
        // A quarter of them for each chain, and of all for each scheme.
        if (at % 4 !== turn % 4) continue;
        const caller = at % 3 === 0 ? SOMEBODY : anna;
        assert.ok(REFUSALS.has(await entered(chain, [each], caller)), `${where}: ${each.slice(0, 80)}`);
      }
      for (const [scheme, each] of Object.entries(good)) {
        const isTaken = has(scheme) || (scheme === 'operator-token' && port === 'operators');
        const expected = isTaken ? scheme : 'UNAUTHENTICATED';
        for (const caller of [SOMEBODY, anna, unnamed]) {
          assert.equal(await entered(chain, [each], caller), expected, `${where}: ${scheme}`);
        }
        assert.equal(await entered(chain, [each, each], SOMEBODY), 'UNAUTHENTICATED', where);
        assert.equal(await entered(chain, [each, ''], SOMEBODY), 'UNAUTHENTICATED', where);
      }
      const nobody = has('anonymous') && port === 'users' ? 'anonymous' : 'UNAUTHENTICATED';
      assert.equal(await entered(chain, [], SOMEBODY), nobody, where);
      assert.equal(await entered(chain, [], anna), has('mtls') ? 'mtls' : nobody, where);
      assert.equal(await entered(chain, [], unnamed), has('mtls') ? 'UNAUTHENTICATED' : nobody, where);
    }
  }
});
