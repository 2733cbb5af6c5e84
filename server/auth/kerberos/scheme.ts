/**
 * Kerberos tickets by SPNEGO, as HTTP has it (RFC 4559): `Negotiate` and a token
 * in base64, with every call. A token that is taken is answered with one that
 * proves the server to its client; one that needs another is answered with what
 * the client is to go on from, and its next call on the same connection does.
 */
import type { Clock } from '../../base/clock.ts';
import { ArmadaError } from '../../base/errors.ts';
import { keepNewest } from '../../base/keep-newest.ts';
import { type Caller, type Scheme, credentialOf } from '../chain.ts';
import { createGate } from '../gate.ts';
import { networkOf } from '../network.ts';
import type { Principal } from '../principal.ts';
import { type Acceptors, type Negotiation, type Outcome, unchecked, UNDER_WAY_EACH } from './acceptors.ts';
import type { KerberosConfig } from './config.ts';
import type { Groups } from './ldap-groups.ts';
import { createNameSearch, createNaming } from './names.ts';
import { judgeToken } from './spnego.ts';

/** How long a client may take to send its next token. */
const NEGOTIATION_MS = 30_000;
const MAX_NEGOTIATIONS = 1000;

/**
 * How long a stream goes on by one ticket. When that ends is not told to servers, so
 * whoever has a stream open shows one that is good now every hour.
 */
const STREAM_MS = 60 * 60_000;

/** Tickets that wait to be read, of all networks, and how long. */
const MAX_WAITING = 200;
const MAX_WAIT_MS = 10_000;

export interface KerberosDeps {
  acceptors: Pick<Acceptors, 'accept'>;
  /** Undefined where nobody is in any group. */
  groups: Groups | undefined;
  clock: Clock;
}

interface Open {
  negotiation: Negotiation;
  untilMs: number;
}

export function createKerberosScheme(
  config: KerberosConfig,
  { acceptors, groups, clock }: KerberosDeps,
): Scheme {
  const nameOf = createNaming(config);
  const clientNamed = createNameSearch(config);
  const services = new Set(config.principals);
  const open = new Map<string, Open>();
  // Before the processes, which know nothing of networks: one that sends tickets without end keeps no other out.
  const gate = createGate(UNDER_WAY_EACH * config.processes, MAX_WAITING);
  /** Names in their realms of those who came, to look up their groups again. */
  const clients = new WeakMap<Principal, string>();
  /** Until when they are believed by the ticket that they have shown. */
  const believedUntilMs = new WeakMap<Principal, number>();

  function takeOpen(peer: string): Negotiation | undefined {
    const found = open.get(peer);
    open.delete(peer);
    return found && clock.elapsed() < found.untilMs ? found.negotiation : undefined;
  }

  function keepOpen(peer: string, negotiation: Negotiation): void {
    keepNewest(open, peer, { negotiation, untilMs: clock.elapsed() + NEGOTIATION_MS }, MAX_NEGOTIATIONS);
  }

  async function negotiate(token: Buffer, { peer }: Caller): Promise<Outcome> {
    const { kind, refused } = judgeToken(token);
    if (refused !== undefined) throw unauthenticated(refused);
    const negotiation = kind === 'next' ? takeOpen(peer) : undefined;
    if (kind === 'next' && negotiation === undefined)
      throw unauthenticated('no negotiation is under way on this connection; begin again');
    const untilMs = clock.elapsed() + MAX_WAIT_MS;
    const outcome = await gate([networkOf(peer)], async () => {
      if (clock.elapsed() > untilMs) throw unchecked();
      return await acceptors.accept(token.toString('base64'), negotiation);
    });
    if (outcome.outcome === 'continues') keepOpen(peer, outcome.negotiation);
    return outcome;
  }

  async function principalOf({ client, service }: { client: string; service: string }): Promise<Principal> {
    if (!services.has(service)) throw unauthenticated(`the ticket is for another service, ${service}`);
    const name = nameOf(client);
    if (name === undefined) throw unauthenticated(`${client} is nobody here`);
    const principal = await withGroups(name, client);
    believedUntilMs.set(principal, clock.elapsed() + STREAM_MS);
    return principal;
  }

  async function withGroups(name: string, client: string): Promise<Principal> {
    const principal = { name, groups: (await groups?.of(client)) ?? [], scopes: [], scheme: 'kerberos' };
    clients.set(principal, client);
    return principal;
  }

  return {
    name: 'kerberos',
    challenge: 'Negotiate',
    async authenticate(authorization, caller) {
      const credential = credentialOf(authorization, 'negotiate');
      if (credential === undefined) return undefined;
      const outcome = await negotiate(decoded(credential), caller);
      if (outcome.outcome === 'refused') throw unauthenticated(outcome.reason);
      if (outcome.outcome === 'continues') {
        caller.reply = `Negotiate ${outcome.reply}`;
        throw new ArmadaError('UNAUTHENTICATED', 'the negotiation is not over: send the next token');
      }
      const principal = await principalOf(outcome);
      if (outcome.reply !== undefined) caller.reply = `Negotiate ${outcome.reply}`;
      return principal;
    },
    async lookUp(name) {
      const client = clientNamed(name);
      return client === undefined ? undefined : await withGroups(name, client);
    },
    recheck(principal) {
      if (clock.elapsed() >= (believedUntilMs.get(principal) ?? Number.POSITIVE_INFINITY))
        return unauthenticated('it was shown an hour ago and may have ended; show one again');
      const client = clients.get(principal);
      const now = client === undefined ? undefined : groups?.lastKnown(client);
      if (now === undefined || areSame(now, principal.groups)) return undefined;
      return unauthenticated('your groups have changed; connect again');
    },
  };
}

function decoded(credential: string): Buffer {
  const bytes = Buffer.from(credential, 'base64');
  if (credential === '' || bytes.toString('base64') !== credential)
    throw unauthenticated('it must be "Negotiate" and a token in base64');
  return bytes;
}

function areSame(one: readonly string[], other: readonly string[]): boolean {
  return one === other || (one.length === other.length && one.every((group) => other.includes(group)));
}

function unauthenticated(reason: string): ArmadaError {
  return new ArmadaError('UNAUTHENTICATED', `the Kerberos ticket is not taken: ${reason}`);
}
