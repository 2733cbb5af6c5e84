// Somebody else's client, as a process of its own: asks small things without
// pause and notes how long each took, while others misbehave.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { QueueGetRequest } from '@armada-ts/api/api/queue';
import { SubmitService } from '@armada-ts/api/api/submit';
import { status } from '@grpc/grpc-js';
import { ask, framed, openCall, openSession } from './raw-grpc.ts';

/** One after the other, and a rest between them. */
const PAUSE_MS = 5;
const CALL_MS = 10_000;

/** Calls since the last look. */
export interface Seen {
  latenciesMs: number[];
  /** What went wrong, each once. */
  faults: string[];
}

export interface Bystander extends AsyncDisposable {
  /** What has been seen since this was last asked. */
  look(): Promise<Seen>;
}

interface Target {
  /** `host:port` of gRPC. */
  address: string;
  /** Of REST; not asked when left out. */
  url?: string;
  queue: string;
  /** Value of the header; none when left out. */
  authorization?: string | undefined;
}

/** Asks for a queue over and over. */
export async function startBystander(target: Target): Promise<Bystander> {
  const child = fork(fileURLToPath(import.meta.url), {
    execArgv: ['--conditions=source', '--disable-warning=ExperimentalWarning'],
    serialization: 'advanced',
  });
  child.send(target);
  await once(child, 'message');
  return {
    look: async () => {
      child.send('look');
      const [seen] = (await once(child, 'message')) as [Seen];
      return seen;
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null) return;
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

async function stand({ address, url, queue, authorization }: Target): Promise<void> {
  const headers = authorization === undefined ? {} : { authorization };
  const seen: Seen = { latenciesMs: [], faults: [] };
  const fault = (text: string): void => {
    if (!seen.faults.includes(text)) seen.faults.push(text);
  };
  const session = openSession(address);
  await once(session, 'remoteSettings');
  const body = framed(QueueGetRequest.encode({ name: queue }).finish());
  const byGrpc = async (): Promise<void> => {
    const { code } = await ask(openCall(session, SubmitService.getQueue.path, headers), body, CALL_MS);
    if (code !== status.OK) fault(`gRPC: ${status[code]}`);
  };
  const byRest = async (): Promise<void> => {
    const answer = await fetch(`${url}/v1/queue/${queue}`, { headers, signal: AbortSignal.timeout(CALL_MS) });
    await answer.arrayBuffer();
    if (answer.status !== 200) fault(`REST: ${answer.status}`);
  };
  const loop = async (call: () => Promise<void>): Promise<void> => {
    for (;;) {
      const beganMs = performance.now();
      await call().catch((error: unknown) => fault(String(error)));
      seen.latenciesMs.push(performance.now() - beganMs);
      await sleep(PAUSE_MS);
    }
  };
  process.on('message', () => {
    process.send?.(seen);
    Object.assign(seen, { latenciesMs: [], faults: [] });
  });
  process.send?.('ready');
  await Promise.all([loop(byGrpc), ...(url === undefined ? [] : [loop(byRest)])]);
}

if (process.send && process.argv[1] === fileURLToPath(import.meta.url)) {
  process.once('message', (target: Target) => void stand(target));
  process.once('disconnect', () => process.exit(0));
}
