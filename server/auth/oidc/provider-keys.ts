/**
 * The keys of one provider, as it publishes them. They are read again while they
 * are in use, so that a key which was removed is soon good for nothing, and when
 * a token names a key that is not there, but never more than once in a while:
 * whoever makes up tokens must not make the server ask. While the provider is
 * away what was read last is believed for a time.
 */
import { createLocalJWKSet, type JWK, type JWSHeaderParameters } from 'jose';
import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { ArmadaError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { GetJson } from './get-json.ts';

/** At least so long from one reading to the next. */
const SPACING_MS = 30_000;
/** The same while there is nothing, as when server and provider are started together. */
const FIRST_SPACING_MS = 2_000;
/** Younger keys are used as they are; older ones are read again beside that. */
const FRESH_MS = 120_000;
/** Keys older than this wait for what the provider says now, if it says anything. */
const WAITING_MS = 180_000;
/** So long a provider may be away. */
const OUTAGE_MS = 60 * 60_000;
const MAX_KEYS = 100;

type KeyFinder = ReturnType<typeof createLocalJWKSet>;

export interface ProviderKeys {
  /** The key that a token says it is signed with. Throws UNAUTHENTICATED, or UNAVAILABLE while nothing is known of the provider. */
  find(header: JWSHeaderParameters, kid: string): ReturnType<KeyFinder>;
  /** Whether the provider had a key of that id when it was last asked; sees to it that it is asked. */
  has(kid: string): boolean;
}

interface Held {
  ids: ReadonlySet<string>;
  find: KeyFinder;
  readAtMs: number;
}

/** @param readSet gives the set of keys (RFC 7517) as the provider publishes it now */
export function createProviderKeys(
  issuer: string,
  { readSet, clock, logger }: { readSet: () => Promise<unknown>; clock: Clock; logger: Logger },
): ProviderKeys {
  let held: Held | undefined;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  const age = (): number => (held ? clock.elapsed() - held.readAtMs : Number.POSITIVE_INFINITY);

  async function readOnce(): Promise<void> {
    try {
      const keys = namedKeys(await readSet());
      const ids = new Set(keys.map(({ kid }) => kid));
      held = { ids, find: createLocalJWKSet({ keys }), readAtMs: clock.elapsed() };
    } catch (error) {
      logger.warn({ err: error, issuer }, 'the keys of the provider cannot be read');
    } finally {
      reading = undefined;
    }
  }

  /** Never rejects. */
  function refresh(): Promise<void> {
    if (reading) return reading;
    if (clock.elapsed() - triedAtMs < (held ? SPACING_MS : FIRST_SPACING_MS)) return Promise.resolve();
    triedAtMs = clock.elapsed();
    reading = readOnce();
    return reading;
  }

  async function current(): Promise<Held> {
    const refreshed = age() > FRESH_MS ? refresh() : undefined;
    if (age() > WAITING_MS) await refreshed;
    if (held && age() < OUTAGE_MS) return held;
    throw new ArmadaError('UNAVAILABLE', 'the provider that issued the token cannot be reached; try again', {
      retryAfterMs: FIRST_SPACING_MS,
    });
  }

  return {
    async find(header, kid) {
      let { ids, find } = await current();
      if (!ids.has(kid)) {
        await refresh();
        ({ ids, find } = await current());
      }
      return find(header).catch(() => {
        throw new ArmadaError(
          'UNAUTHENTICATED',
          'the token is signed with a key that its issuer does not have, or that cannot be used',
        );
      });
    },
    has(kid) {
      if (age() > FRESH_MS) void refresh();
      return held !== undefined && age() < OUTAGE_MS && held.ids.has(kid);
    },
  };
}

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url() });
const keysSchema = z.object({
  keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().optional() })).max(MAX_KEYS),
});

interface NamedKey extends JWK {
  kid: string;
}

/** Reads the set of keys of an issuer, from where it says that it is. */
export function publishedSet(issuer: string, getJson: GetJson): () => Promise<unknown> {
  const discovered = new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  return async () => {
    const { issuer: named, jwks_uri } = discoverySchema.parse(await getJson(discovered));
    if (named !== issuer) throw new Error(`${discovered.href} is about another issuer`);
    return await getJson(new URL(jwks_uri));
  };
}

/** Tokens name their key; a secret that somebody published by mistake is none. */
function namedKeys(set: unknown): NamedKey[] {
  const { keys } = keysSchema.parse(set);
  return keys.flatMap(({ kid, ...key }) => (kid === undefined || key.kty === 'oct' ? [] : [{ ...key, kid }]));
}
