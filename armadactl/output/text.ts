import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { eventLine } from './event-line.ts';
import { oneLine } from './one-line.ts';
import type { ContextEntry, Output } from './output.ts';

/** Plain text: one line a fact. */
export function createTextOutput(stdout: Writable, stderr: Writable): Output {
  const print = (text: string) => void stdout.write(`${text}\n`);
  return {
    done: (sentence) => print(oneLine(sentence)),
    queues: async (queues) => {
      const { renderQueue } = await import('./queue-yaml.ts');
      stdout.write(queues.map(renderQueue).join('---\n'));
    },
    jobs: async (jobs) => {
      const { jobTable } = await import('./job-table.ts');
      for (const line of jobTable(jobs)) if (!stdout.write(`${line}\n`)) await once(stdout, 'drain');
    },
    job: async (description) => {
      const { jobDescription } = await import('./job-description.ts');
      print(jobDescription(description).join('\n'));
    },
    submitted: ({ jobId, jobSetId }) =>
      print(`Submitted job with id: ${jobId} to job set ${oneLine(jobSetId)}`),
    event: (watched) => print(eventLine(watched)),
    contexts: (contexts) => contexts.forEach((context) => print(contextLine(context))),
    value: print,
    bytes: async (data) => {
      if (!stdout.write(data)) await once(stdout, 'drain');
    },
    notice: (text) => void stderr.write(`${oneLine(text)}\n`),
    usage: (text) => void stderr.write(`${text}\n`),
    error: (message, details) => {
      const lines = [`error: ${oneLine(message)}`, ...details.map((detail) => `  ${oneLine(detail)}`)];
      stderr.write(`${lines.join('\n')}\n`);
    },
  };
}

function contextLine({ name, address, isCurrent }: ContextEntry): string {
  return `${isCurrent ? '*' : ' '} ${oneLine(name)}  ${oneLine(address)}`;
}
