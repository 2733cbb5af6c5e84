/** Tokens of SPNEGO for tests, real ones from the tickets of a user, and some put together by hand. */
import { createRequire } from 'node:module';
import type { Environment } from '../daemons.ts';

/** As much of the package as is used here. */
interface Kerberos {
  readonly GSS_MECH_OID_SPNEGO: number;
  readonly GSS_MECH_OID_KRB5: number;
  initializeClient(service: string, options: { mechOID: number }): Promise<NativeClient>;
}

interface NativeClient {
  readonly contextComplete: boolean;
  step(challenge: string): Promise<string>;
}

// The server may do without it; the tests may not.
const loadForServer = createRequire(import.meta.resolve('@armada-ts/server/app'));
const kerberos = loadForServer('kerberos') as Kerberos;

/** A token that a server is to take. */
export interface Token {
  base64: string;
  bytes: Buffer;
  /** Whether the reply proves the server to the client. */
  isProof(reply: string): Promise<boolean>;
}

let last: Promise<unknown> = Promise.resolve();

/** Runs one at a time: the native code has its settings from the environment. */
function inEnvironment<Value>(environment: Environment, work: () => Promise<Value>): Promise<Value> {
  const done = last.then(() => {
    Object.assign(process.env, environment);
    return work();
  });
  last = done.catch(() => {});
  return done;
}

/** A token for a service, as `HTTP@localhost`. @param mechanism bare tokens of Kerberos are what SPNEGO wraps */
export function tokenFor(
  environment: Environment,
  service = 'HTTP@localhost',
  mechanism = kerberos.GSS_MECH_OID_SPNEGO,
): Promise<Token> {
  return inEnvironment(environment, async () => {
    const client = await kerberos.initializeClient(service, { mechOID: mechanism });
    const base64 = await client.step('');
    return {
      base64,
      bytes: Buffer.from(base64, 'base64'),
      async isProof(reply) {
        await client.step(reply);
        return client.contextComplete;
      },
    };
  });
}

/** A token of Kerberos that SPNEGO has not wrapped. */
export function bareTokenFor(environment: Environment): Promise<Token> {
  return tokenFor(environment, 'HTTP@localhost', kerberos.GSS_MECH_OID_KRB5);
}

export const MECHANISM = {
  spnego: oid('2b0601050502'),
  kerberos: oid('2a864886f712010202'),
  ntlm: oid('2b06010401823702020a'),
  iakerb: oid('2b0601050205'),
} as const;

/** The beginning of a negotiation, as NegTokenInit. */
export function firstToken(mechanisms: readonly Buffer[], token?: Buffer): Buffer {
  const offered = der(0xa0, der(0x30, ...mechanisms));
  const carried = token ? [der(0xa2, der(0x04, token))] : [];
  return der(0x60, MECHANISM.spnego, der(0xa0, der(0x30, offered, ...carried)));
}

/** The next token of a negotiation, as NegTokenResp. */
export function nextToken(token: Buffer): Buffer {
  return der(0xa1, der(0x30, der(0xa2, der(0x04, token))));
}

/** A value of DER. */
export function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const digits = content.length > 255 ? 2 : 1;
  const length = Buffer.alloc(digits);
  length.writeUIntBE(content.length, 0, digits);
  const head = content.length < 128 ? [tag, content.length] : [tag, 0x80 + digits, ...length];
  return Buffer.concat([Buffer.from(head), content]);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}
