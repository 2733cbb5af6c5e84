// A job set of real work: files to count words of, failures on purpose, jobs
// that do not want to end. Each job leaves a line when it starts, so that
// whoever runs twice is found out.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';

/** How a job must end. */
export interface Expectation {
  outcome: 'succeeded' | 'failed';
  /** Of its container; undefined where a signal decides. */
  exitCode?: number;
  /** What it must have written. */
  output?: string;
  /** Why it failed, as api.Cause: 3 is DeadlineExceeded. */
  cause?: number;
}

export interface RealJobs {
  /** A job set file for armadactl. */
  file: string;
  /** By client id. */
  expected: Map<string, Expectation>;
  /** Client ids in the order in which their jobs started, with repeats if any ran twice. */
  starts(): Promise<string[]>;
}

interface JobDraft {
  script: string;
  expectation: Expectation;
  deadlineSeconds?: number;
  graceSeconds?: number;
  /** Instead of a shell script. */
  command?: string[];
}

const WORDS = 'the quick brown fox jumps over the lazy dog and runs away from it all'.split(' ');

/**
 * Writes the files of 200 jobs below `directory`.
 * @param seconds how long the longer ones take, so that a fault can meet them at work
 */
export async function writeRealJobs(directory: string, jobSet: string, seconds: number): Promise<RealJobs> {
  const texts = join(directory, 'texts');
  const startsFile = join(directory, 'starts.log');
  await mkdir(texts, { recursive: true });
  await writeFile(startsFile, '');

  const drafts: JobDraft[] = [];
  for (let i = 0; i < 150; i++) {
    const count = 10 + ((i * 37) % 400);
    const path = join(texts, `${i}.txt`);
    const text = Array.from({ length: count }, (_, word) => WORDS[(word * 7 + i) % WORDS.length]).join(' ');
    await writeFile(path, `${text}\n`);
    const pause = i % 5 === 0 ? `sleep ${seconds}; ` : '';
    drafts.push({
      script: `${pause}wc -w < ${path} | tr -d ' '`,
      expectation: { outcome: 'succeeded', exitCode: 0, output: `${count}\n` },
    });
  }
  for (let code = 1; code <= 30; code++) {
    drafts.push({ script: `exit ${code}`, expectation: { outcome: 'failed', exitCode: code } });
  }
  for (let i = 0; i < 10; i++) {
    // `$$` stands for one `$` in a pod spec.
    drafts.push({ script: 'kill -9 $$$$', expectation: { outcome: 'failed', exitCode: 137 } });
  }
  for (let i = 0; i < 8; i++) {
    const command = [`/no/such/program-${i}`];
    drafts.push({ script: '', command, expectation: { outcome: 'failed', exitCode: 127 } });
  }
  const ignoring = "trap '' TERM; while :; do sleep 1; done";
  drafts.push({
    script: ignoring,
    expectation: { outcome: 'failed', cause: 3 },
    deadlineSeconds: 2,
    graceSeconds: 1,
  });
  drafts.push({ script: 'sleep 600', expectation: { outcome: 'failed', cause: 3 }, deadlineSeconds: 2 });

  const expected = new Map<string, Expectation>();
  const jobs = drafts.map((draft, index) => {
    const clientId = `job-${index}`;
    expected.set(clientId, draft.expectation);
    return jobOf(clientId, draft, startsFile);
  });
  const file = join(directory, `${jobSet}.yaml`);
  await writeFile(file, stringify({ queue: 'demo', jobSetId: jobSet, jobs }));
  return {
    file,
    expected,
    starts: async () => (await readFile(startsFile, 'utf8')).split('\n').filter((line) => line !== ''),
  };
}

function jobOf(clientId: string, draft: JobDraft, startsFile: string): object {
  const resources = { cpu: '100m', memory: '16Mi', 'ephemeral-storage': '16Mi' };
  const command = draft.command ?? ['/bin/sh', '-c', `echo ${clientId} >> ${startsFile}; ${draft.script}`];
  return {
    clientId,
    namespace: 'default',
    podSpec: {
      terminationGracePeriodSeconds: draft.graceSeconds ?? 1,
      ...(draft.deadlineSeconds === undefined ? {} : { activeDeadlineSeconds: draft.deadlineSeconds }),
      restartPolicy: 'Never',
      containers: [
        { name: 'main', image: 'none', command, resources: { requests: resources, limits: resources } },
      ],
    },
  };
}
