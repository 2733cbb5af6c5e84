// What a server's memory is once nothing in it is garbage: asked over the
// inspector's port, which the benchmark opens, so that the server needs no way
// in of its own. Threads are collected one after the other, then all again: what
// one lets go of may have been all that held something of another.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Program } from '../../test/e2e/programs.ts';

/** Starts a program so that its memory can be measured. */
export async function startInspectable<Started>(start: () => Promise<Started>): Promise<Started> {
  const before = process.env['NODE_OPTIONS'];
  process.env['NODE_OPTIONS'] = '--inspect=127.0.0.1:0';
  try {
    return await start();
  } finally {
    if (before === undefined) delete process.env['NODE_OPTIONS'];
    else process.env['NODE_OPTIONS'] = before;
  }
}

/** In bytes. */
export interface Memory {
  /** Memory of the process that no file backs. */
  resident: number;
  /** Objects, by thread. */
  heaps: Record<string, number>;
  /** Buffers and typed arrays, by thread. */
  buffers: Record<string, number>;
}

/** A thread that can be asked. */
interface Thread {
  name: string;
  ask(method: string, parameters?: object): Promise<unknown>;
}

/** Memory of a program that startInspectable has started, after a forced collection in all of its threads. */
export async function collectedMemory(program: Program): Promise<Memory> {
  const [, url = ''] = await program.line(/Debugger listening on (ws:\S+)/);
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', reject, { once: true });
  });
  try {
    const threads = await threadsOf(socket);
    for (let round = 0; round < 3; round++) {
      for (const thread of threads) await thread.ask('HeapProfiler.collectGarbage');
      await sleep(300);
    }
    const memory: Memory = { resident: 0, heaps: {}, buffers: {} };
    for (const thread of threads) {
      const expression = 'JSON.stringify(process.memoryUsage())';
      const { result } = (await thread.ask('Runtime.evaluate', { expression })) as {
        result: { value: string };
      };
      const usage = JSON.parse(result.value) as NodeJS.MemoryUsage;
      memory.heaps[thread.name] = usage.heapUsed;
      memory.buffers[thread.name] = usage.arrayBuffers;
    }
    return { ...memory, resident: residentBytes(program.process.pid ?? 0) };
  } finally {
    socket.close();
  }
}

function residentBytes(pid: number): number {
  const [, kibibytes = ''] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

interface Message {
  id?: number;
  result?: unknown;
  error?: { message: string };
  method?: string;
  params?: { sessionId?: string; message?: string; workerInfo?: { title: string } };
}

/** The main thread and its workers. */
async function threadsOf(socket: WebSocket): Promise<Thread[]> {
  const main = createThread('main', (text) => socket.send(text));
  const workers = new Map<string, ReturnType<typeof createThread>>();
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    const { sessionId = '', message: inner, workerInfo } = message.params ?? {};
    if (message.method === 'NodeWorker.attachedToWorker') {
      const toWorker = (text: string): void => {
        void main.thread.ask('NodeWorker.sendMessageToWorker', { sessionId, message: text });
      };
      workers.set(sessionId, createThread(workerInfo?.title ?? sessionId, toWorker));
    } else if (message.method === 'NodeWorker.receivedMessageFromWorker') {
      workers.get(sessionId)?.hear(JSON.parse(inner ?? '{}') as Message);
    } else {
      main.hear(message);
    }
  });
  await main.thread.ask('NodeWorker.enable', { waitForDebuggerOnStart: false });
  await sleep(200);
  return [main.thread, ...[...workers.values()].map(({ thread }) => thread)];
}

function createThread(name: string, send: (text: string) => void) {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let lastId = 0;
  const thread: Thread = {
    name,
    ask: (method, params = {}) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        waiting.set(id, { resolve, reject });
        send(JSON.stringify({ id, method, params }));
      }),
  };
  const hear = ({ id, result, error }: Message): void => {
    const asked = waiting.get(id ?? 0);
    waiting.delete(id ?? 0);
    if (error) asked?.reject(new Error(error.message));
    else asked?.resolve(result);
  };
  return { thread, hear };
}
