// Credentials without end, over gRPC and REST at once, and what became of each.
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { QueueGetRequest } from '@armada-ts/api/api/queue';
import { SubmitService } from '@armada-ts/api/api/submit';
import { status } from '@grpc/grpc-js';
import { ask, framed, openCall, openSession } from './raw-grpc.ts';

/** A call, as its headers. */
export type Attempt = Readonly<Record<string, string>>;

/** By door and by what they ended with, such as `gRPC UNAUTHENTICATED` and `REST 401`. */
export type Ends = Record<string, number>;

const SESSIONS = 4;
/** On each connection over gRPC, and connections over REST. */
const AT_A_TIME = 16;
const CALL_MS = 30_000;
const BODY = framed(QueueGetRequest.encode({ name: 'none' }).finish());

/** Asks for a queue with each of the attempts, half of them over gRPC. */
export async function tryAll(
  { address, url }: { address: string; url: string },
  attempts: readonly Attempt[],
): Promise<Ends> {
  const sessions = Array.from({ length: SESSIONS }, () => openSession(address));
  const agent = new Agent({ keepAlive: true, maxSockets: SESSIONS * AT_A_TIME });
  await Promise.all(sessions.map((session) => once(session, 'remoteSettings')));
  const doors = sessions.flatMap((session) => [
    async (headers: Attempt) => {
      const { code } = await ask(openCall(session, SubmitService.getQueue.path, headers), BODY, CALL_MS);
      return `gRPC ${status[code]}`;
    },
    async (headers: Attempt) => `REST ${await askRest(url, agent, headers)}`,
  ]);
  let turn = 0;
  const ends = await inTurn(attempts, doors.length * AT_A_TIME, async (headers) => {
    const door = doors[turn++ % doors.length];
    return door ? await door(headers) : 'no door';
  });
  for (const session of sessions) session.destroy();
  agent.destroy();
  return ends;
}

/** Does something with each, so many at a time, and counts what they ended with. */
export async function inTurn<Each>(
  all: readonly Each[],
  atATime: number,
  work: (each: Each) => Promise<string>,
): Promise<Ends> {
  const ends: Ends = {};
  const left = all.values();
  const loop = async (): Promise<void> => {
    for (const each of left) {
      const end = await work(each);
      ends[end] = (ends[end] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: atATime }, loop));
  return ends;
}

/** The status of the answer, or what went wrong. */
function askRest(url: string, agent: Agent, headers: Attempt): Promise<number | string> {
  return new Promise((resolve) => {
    const call = httpRequest(`${url}/v1/queue/none`, { agent, headers, timeout: CALL_MS }, (answer) => {
      answer.on('end', () => resolve(answer.statusCode ?? 0)).resume();
    });
    call.on('error', (error) => resolve(error.message)).on('timeout', () => call.destroy());
    call.end();
  });
}

/** All ends of either door, by whether they were refused as wrong or for now. */
export function summed(ends: Ends): { wrong: number; limited: number; others: string[] } {
  const count = (...names: string[]): number => names.reduce((sum, name) => sum + (ends[name] ?? 0), 0);
  const wrong = ['gRPC UNAUTHENTICATED', 'REST 401'];
  const limited = ['gRPC RESOURCE_EXHAUSTED', 'REST 429'];
  const others = Object.keys(ends).filter((name) => ![...wrong, ...limited].includes(name));
  return { wrong: count(...wrong), limited: count(...limited), others };
}
