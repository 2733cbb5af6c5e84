/**
 * A process of its own that takes Kerberos tickets for the server: what a client
 * sends is read by native code here, so that the worst it can do is to end this
 * process. It ends with the server that started it.
 */
import { keepNewest } from '../../base/keep-newest.ts';
import type { Accept, Answer, FromAcceptor, Start, ToAcceptor } from './messages.ts';

/** Of negotiations that wait for another token; the oldest makes room. */
const MAX_NEGOTIATIONS = 1000;

/** The native objects are small for JavaScript and large for the system, so they are cleared away by count. */
const COLLECT_EVERY = 500;

/** As much of the package as is used, spelled out: where it is not installed its own types are not there either. */
interface Kerberos {
  initializeServer(service: string): Promise<KerberosServer>;
  principalDetails(service: string, host: string): Promise<string>;
}

interface KerberosServer {
  readonly username: string;
  readonly targetName: string;
  readonly response: string | null;
  readonly contextComplete: boolean;
  step(token: string): Promise<unknown>;
}

const negotiations = new Map<number, KerberosServer>();
let taken = 0;
let native: Promise<Kerberos> | undefined;

// Whoever stops the server may tell the whole group: the server still needs this process then.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToAcceptor) => {
  if (message.kind === 'start') void start(message);
  else for (const each of message.tokens) void accept(each);
});

function say(message: FromAcceptor): void {
  if (process.connected) process.send?.(message);
}

async function start({ keytab, principals }: Start): Promise<void> {
  try {
    native = load();
    await native;
  } catch (error) {
    say({ kind: 'unusable', reason: notLoaded(error) });
    return;
  }
  say((await unusableKeys(await native, keytab, principals)) ?? { kind: 'ready' });
}

async function load(): Promise<Kerberos> {
  return (await import(import.meta.resolve('kerberos'))) as Kerberos;
}

function notLoaded(error: unknown): string {
  const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
  if (!isMissing) return `the package "kerberos" cannot be loaded: ${textOf(error)}`;
  return 'the optional package "kerberos" is not installed; npm leaves it out where it can neither fetch nor build it';
}

/** Why the keytab will not do, if it will not. */
async function unusableKeys(
  kerberos: Kerberos,
  keytab: string,
  principals: readonly string[],
): Promise<FromAcceptor | undefined> {
  for (const principal of principals) {
    const [, service = '', host = ''] = /^([^/]+)\/([^@]+)@/.exec(principal) ?? [];
    try {
      await kerberos.principalDetails(service, host);
    } catch (error) {
      const reason = `the keytab ${keytab} has no key of ${principal}: ${textOf(error)}`;
      return { kind: 'unusable', reason };
    }
  }
  return undefined;
}

async function accept({ id, token, negotiation }: Accept): Promise<void> {
  let answer: Answer;
  try {
    answer = await answerTo(id, token, negotiation);
  } catch (error) {
    answer = { outcome: 'refused', reason: textOf(error) };
  }
  say({ kind: 'answer', id, answer });
  if (++taken % COLLECT_EVERY === 0) globalThis.gc?.();
}

async function answerTo(id: number, token: string, negotiation: number | undefined): Promise<Answer> {
  if (native === undefined) throw new Error('not started');
  const server = negotiation === undefined ? await begin(await native) : negotiations.get(negotiation);
  if (server === undefined) return { outcome: 'refused', reason: 'the negotiation is over' };
  if (negotiation !== undefined) negotiations.delete(negotiation);
  try {
    await server.step(token);
  } catch (error) {
    // The package takes it for a failure that nobody is known yet, though there is something to be said.
    if (server.response === null || server.contextComplete) throw error;
    keepNewest(negotiations, negotiation ?? id, server, MAX_NEGOTIATIONS);
    return { outcome: 'continues', reply: server.response };
  }
  const { username: client, targetName: service, response } = server;
  return { outcome: 'accepted', client, service, reply: response ?? undefined };
}

/** For any service that the keytab has keys of: the server compares which one the ticket is for. */
function begin(kerberos: Kerberos): Promise<KerberosServer> {
  return kerberos.initializeServer('');
}

function textOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
