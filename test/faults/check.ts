// The checker as a program: loads a server that somebody else starts and kills,
// and judges what happened; or judges a history that was kept.
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readHistory } from './history.ts';
import { judgeHistory, summary } from './judge.ts';
import { type Fleet, runStorm } from './storm.ts';

const USAGE = `usage: npm run faults -- [options]

  --history FILE       judge this history and do nothing else
  --server HOST:PORT   load this server; its jobs must run on this machine
  --jobs N             so many jobs (default: 300)
  --rounds N           spread over so many rounds of half a second (default: 30)
  --seed N             what decides which jobs, and when (default: 1)
  --data DIR           where the history is kept (default: history)
`;

const OPTIONS = {
  history: { type: 'string' },
  server: { type: 'string' },
  jobs: { type: 'string', default: '300' },
  rounds: { type: 'string', default: '30' },
  seed: { type: 'string', default: '1' },
  data: { type: 'string', default: 'history' },
  help: { type: 'boolean' },
} as const;

const { values } = readOptions();

function readOptions() {
  try {
    return parseArgs({ options: OPTIONS });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

async function load(address: string): ReturnType<typeof runStorm> {
  const directory = resolve(values.data);
  await mkdir(directory, { recursive: true });
  const nothing = (): Promise<void> => Promise.resolve();
  const fleet: Fleet = { address, programs: [], kill: nothing, start: nothing };
  const plan = { kills: Number(values.rounds), jobs: Number(values.jobs), seed: Number(values.seed) };
  return await runStorm(fleet, { ...plan, directory });
}

if (values.help || (values.history === undefined && values.server === undefined)) {
  process.stderr.write(USAGE);
  process.exit(values.help ? 0 : 2);
}
const entries =
  values.server === undefined ? await readHistory(values.history ?? '') : await load(values.server);
const verdict = judgeHistory(entries);
for (const { breach, text } of verdict.violations) process.stdout.write(`${breach}: ${text}\n`);
process.stdout.write(`${summary(verdict)}\n`);
process.exit(verdict.violations.length === 0 ? 0 : 1);
