// Whatever is sent, the server answers with the right code, keeps its memory
// and goes on working.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Queue } from '@armada-ts/api/api/queue';
import { JobSubmitRequest } from '@armada-ts/api/api/submit';
import { Client, credentials, status } from '@grpc/grpc-js';
import { type AnyMethod, methodsOfContract } from '../e2e/calls.ts';
import { jobItem } from '../e2e/items.ts';
import { type Program, startProgram, temporaryDirectory } from '../e2e/programs.ts';
import { absurdMessage, changeOneField, type Chances, spoil } from './absurd.ts';
import { connectRaw, faultOf, send, sendRaw } from './bad-calls.ts';
import { type Method, readContract } from './contract.ts';
import { Recorder } from './history.ts';
import { createLoad } from './load.ts';
import { seeded } from './random.ts';
import { startWatcher } from './watchers.ts';

const IS_LONG = process.env['ARMADA_TEST_LONG'] === '1';
const REQUESTS = IS_LONG ? 100_000 : 10_000;
const SEED = Number(process.env['ARMADA_TEST_SEED'] ?? (IS_LONG ? Date.now() % 1_000_000 : 1));

/** Requests on their way at a time. */
const IN_FLIGHT = 32;

/** From this part of the requests on memory must stay as it is. */
const WARM = 0.5;
const MAX_GROWTH = IS_LONG ? 1.05 : 1.15;

/** For jobs and queues that were taken, as some absurd ones are. */
const ALLOWANCE_BYTES = 8 * 1024 * 1024;

/** Without limits heaps grow for minutes before the collector cares, and hide what is held for ever. */
const SMALL_HEAPS = '--max-semi-space-size=1 --max-old-space-size=64';

const RAW_SHARE = 0.03;
const HANG_UP_SHARE = 0.05;

/** HTTP/2 ends a connection whose client has hung up about a thousand times in short order. */
const CALLS_PER_CONNECTION = 500;

/** Of requests to methods that the server has; the others are to any of the contract. */
const SERVED_SHARE = 0.8;

const QUEUE = 'known';
const JOB_SET = 'set';

/** Valid requests of which one field at a time is spoilt; the other methods are sent absurd ones. */
const VALID: Readonly<Record<string, Buffer>> = {
  '.api.JobSubmitRequest': Buffer.from(
    JobSubmitRequest.encode({
      queue: QUEUE,
      jobSetId: JOB_SET,
      jobRequestItems: [jobItem({ annotations: { 'armadaproject.io/gangId': 'gang' } }), jobItem({})],
    }).finish(),
  ),
  '.api.Queue': Buffer.from(Queue.encode(Queue.fromPartial({ name: QUEUE, priorityFactor: 1 })).finish()),
};

interface Attack {
  address: string;
  chances: Chances;
  decoders: ReadonlyMap<string, AnyMethod>;
  methods: readonly Method[];
  /** Those that the server has. */
  served: readonly Method[];
  /** What was wrong; added to. */
  faults: string[];
  /** How often each code was the answer. */
  codes: Map<string, number>;
}

test(`${REQUESTS} absurd requests are answered with the right codes, and the server lives on`, async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await startServer(`${directory}/data`);
  t.after(() => server.kill('SIGKILL'));
  const pid = server.process.pid ?? 0;
  const recorder = new Recorder(`${directory}/history.jsonl`);
  const target = { address: server.address, queue: QUEUE, recorder, signal: AbortSignal.timeout(600_000) };
  const load = createLoad(target);
  await load.createQueue();
  const drafts = Array.from({ length: 5 }, (_, i) => ({
    clientId: `job-${i}`,
    script: 'true',
    expect: 'any' as const,
  }));
  const jobIds = await load.submit(JOB_SET, drafts);

  const contract = await readContract();
  const known = [QUEUE, JOB_SET, ...jobIds, 'cpu', 'memory', '1', '16Mi', 'default', 'main', 'local'];
  const attack: Attack = {
    address: server.address,
    chances: { contract, random: seeded(SEED), known },
    decoders: await methodsOfContract(),
    methods: contract.methods,
    served: await servedMethods(server.address, contract.methods),
    faults: [],
    codes: new Map(),
  };
  await storm(attack, Math.floor(REQUESTS * WARM));
  const warmBytes = await residentBytes(pid);
  await storm(attack, REQUESTS - Math.floor(REQUESTS * WARM));
  const endBytes = await residentBytes(pid);
  const allowedBytes = warmBytes * MAX_GROWTH + ALLOWANCE_BYTES;

  const told = [...attack.codes].map(([code, count]) => `${count} ${code}`).join(', ');
  const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`;
  const grown = `${megabytes(warmBytes)} when warm, ${megabytes(endBytes)} at the end`;
  t.diagnostic(`seed ${SEED}: ${told}; ${grown}`);
  assert.deepEqual(attack.faults.slice(0, 20), [], `seed ${SEED}: ${attack.faults.length} faults`);
  assert.equal(server.process.exitCode ?? server.process.signalCode, null, server.lines.join('\n'));
  assert.ok(endBytes < allowedBytes, `${warmBytes} grew to ${endBytes} bytes`);

  // It works as before: a job is taken and cancelled by the scheduler.
  const watcher = startWatcher('after', { ...target, jobSet: 'after' }, seeded(SEED));
  const healthy = createLoad({ ...target, queue: 'healthy' });
  await healthy.createQueue();
  await load.createQueue();
  const after = await load.submit(
    'after',
    drafts.map((draft) => ({ ...draft, clientId: `after-${draft.clientId}` })),
  );
  await load.cancel('after', after);
  const untilMs = performance.now() + 10_000;
  while (watcher.ended.size < after.length && performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await watcher.close();
  load.close();
  healthy.close();
  await recorder.close();
  assert.deepEqual([...watcher.ended].toSorted(), after.toSorted());
});

/** A server that runs nothing, with little memory. */
async function startServer(data: string): Promise<Program & { address: string }> {
  const args = ['--data', data, '--grpc-port', '0', '--http-port', '0', '--nodes', '0'];
  const program = startProgram('server/standalone.ts', args, { NODE_OPTIONS: SMALL_HEAPS });
  const [, address = ''] = await program.line(/gRPC\s+(\S+:\d+)/);
  return { ...program, address };
}

/** A connection of its own. */
function connect(address: string): Client {
  return new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
}

/** The methods that answer something else than that there is no such method. */
async function servedMethods(address: string, methods: readonly Method[]): Promise<Method[]> {
  const client = connect(address);
  const answers = await Promise.all(
    methods.map(async (method) => ({ method, result: await send(client, method, [Buffer.alloc(0)]) })),
  );
  client.close();
  return answers.filter(({ result }) => result.code !== status.UNIMPLEMENTED).map(({ method }) => method);
}

/** Sends so many requests, a number of them at a time. */
async function storm(attack: Attack, requests: number): Promise<void> {
  let left = requests;
  const attacker = async (): Promise<void> => {
    const { random } = attack.chances;
    let session = connectRaw(attack.address);
    let client = connect(attack.address);
    for (let made = 0; left-- > 0; made++) {
      if (made % CALLS_PER_CONNECTION === CALLS_PER_CONNECTION - 1) {
        client.close();
        client = connect(attack.address);
      }
      if (!random.chance(RAW_SHARE)) {
        await attackOnce(attack, client);
        continue;
      }
      if (session.closed || session.destroyed) session = connectRaw(attack.address);
      const { path, input } = random.pick(attack.methods);
      await sendRaw(session, path, absurdMessage(input, attack.chances), random);
    }
    client.close();
    session.destroy();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, attacker));
}

async function attackOnce(attack: Attack, client: Client): Promise<void> {
  const { chances, codes, faults, methods } = attack;
  const { random } = chances;
  const method = random.pick(random.chance(SERVED_SHARE) ? attack.served : methods);
  const valid = VALID[method.input];
  let request =
    valid && random.chance(0.8)
      ? changeOneField(valid, method.input, chances)
      : absurdMessage(method.input, chances);
  if (random.chance(0.3)) request = spoil(request, chances);
  const requests = method.isClientStream && random.chance(0.5) ? [request, request] : [request];
  const hangUpMs = random.chance(HANG_UP_SHARE) ? random.below(10) : undefined;
  const result = await send(client, method, requests, hangUpMs);
  const name = result.code === undefined ? 'hung up' : (status[result.code] ?? String(result.code));
  codes.set(name, (codes.get(name) ?? 0) + 1);
  const fault = faultOf(result, canDecode(attack.decoders.get(method.path), request));
  if (fault)
    faults.push(
      `${method.path}: ${fault}: ${name} ${result.details}; ${request.toString('base64').slice(0, 2000)}`,
    );
}

function canDecode(method: AnyMethod | undefined, bytes: Buffer): boolean {
  try {
    method?.requestDeserialize(bytes);
    return true;
  } catch {
    return false;
  }
}

async function residentBytes(pid: number): Promise<number> {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
