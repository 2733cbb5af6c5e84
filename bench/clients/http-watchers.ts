// Watchers of one job set over REST, for the REST benchmark: a connection each.
// Lines are counted by their ends; those of some are read whole afterwards.
import { connect, type Socket } from 'node:net';
import { serveLoad } from '../measuring/processes.ts';
import type { WatchersFigures, WatchersOrder } from './watchers.ts';

/** Takes the same orders as the watchers over gRPC. */
interface Watch {
  sockets: Socket[];
  counts: number[];
  samples: Buffer[][];
  changed: () => void;
}

const SAMPLES = 10;
const LINE_END = Buffer.from('}\n');

let watch: Watch = { sockets: [], counts: [], samples: [], changed: () => {} };

serveLoad<WatchersOrder, WatchersFigures>(async (order) => {
  const cpu = process.cpuUsage();
  let bytes: Uint8Array = new Uint8Array();
  if (order.kind === 'leave') bytes = leave();
  else {
    if (order.kind === 'join') watch = join(order);
    await counted(order.events);
  }
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMicros: user + system, bytes };
});

function join({ address, queue, jobSetId, watchers }: Extract<WatchersOrder, { kind: 'join' }>): Watch {
  const made: Watch = { sockets: [], counts: [], samples: [], changed: () => {} };
  const [host = '', port = ''] = address.split(':');
  const body = JSON.stringify({ watch: true });
  const request = `POST /v1/job-set/${queue}/${jobSetId} HTTP/1.1\r\nhost: ${address}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  for (let i = 0; i < watchers; i++) {
    const kept: Buffer[] = [];
    const isSample = i % Math.ceil(watchers / SAMPLES) === 0;
    if (isSample) made.samples.push(kept);
    made.counts.push(0);
    const socket = connect({ host, port: Number(port) }, () => socket.write(request));
    let last = 0;
    socket.on('data', (chunk: Buffer) => {
      let lines = last === LINE_END[0] && chunk[0] === LINE_END[1] ? 1 : 0;
      for (let at = chunk.indexOf(LINE_END); at >= 0; at = chunk.indexOf(LINE_END, at + 2)) lines++;
      last = chunk.at(-1) ?? 0;
      made.counts[i] = (made.counts[i] ?? 0) + lines;
      if (isSample) kept.push(chunk);
      made.changed();
    });
    made.sockets.push(socket);
  }
  return made;
}

/** Waits until all have seen so many events. Only the one that is behind is looked at. */
async function counted(events: number): Promise<void> {
  for (let i = 0; i < watch.counts.length; i++) {
    while ((watch.counts[i] ?? 0) < events) {
      await new Promise<void>((resolve) => {
        watch.changed = resolve;
      });
    }
  }
}

/** What one of them was told, without the framing of HTTP. Throws when others were told something else. */
function leave(): Uint8Array {
  for (const socket of watch.sockets) socket.destroy();
  const [first, ...others] = watch.samples.map(linesOf);
  if (!first || others.some((lines) => lines !== first)) throw new Error('watchers saw different events');
  for (const line of first.trimEnd().split('\n')) JSON.parse(line);
  return Buffer.from(first);
}

/** The bodies of a chunked answer. */
function linesOf(chunks: readonly Buffer[]): string {
  const bytes = Buffer.concat(chunks);
  let text = '';
  let at = bytes.indexOf('\r\n\r\n') + 4;
  while (at < bytes.length) {
    const end = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    text += bytes.toString('utf8', end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
  return text;
}
