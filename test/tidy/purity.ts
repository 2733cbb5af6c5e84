/** Where time, chance and the environment are read, and where the state of jobs is written. */
import { importsOf } from './imports.ts';
import { eachFile, type Rule } from './rule.ts';
import { isCode, isTest, occurrences, viewsOf } from './source.ts';

const PACKAGES = /^(?:api|client|server|executor|armadactl)\//;
const PURE = /^server\/(?:model|scheduler\/round)\//;

const IMPURE =
  /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\b|\b(?:set(?:Timeout|Interval|Immediate)|queueMicrotask)\b|\bMath\.random\b|\b(?:random(?:UUID|Bytes|Int|Fill(?:Sync)?)|getRandomValues)\b|\bprocess\./g;

/** What pure code may import from outside: the contract, hashes and assertions. */
const PURE_IMPORT = /^(?:\.|@armada-ts\/api\/|node:crypto$|node:assert)/;

const pureCore: Rule = {
  title: 'the model and the round read no clock, chance or environment: these are handed in',
  covers: (path) => PURE.test(path) && isCode(path) && !isTest(path),
  check: eachFile((file) => [
    ...occurrences(
      file,
      viewsOf(file).bare,
      IMPURE,
      ([found]) => `${found} is not a function of the arguments`,
    ),
    ...importsOf(file)
      .filter(({ specifier }) => !PURE_IMPORT.test(specifier))
      .map(({ specifier, line }) => ({
        path: file.path,
        line,
        message: `pure code imports no ${specifier}`,
      })),
  ]),
  faults: [
    { path: 'server/model/job.ts', text: 'export const now = () => Date.now();' },
    { path: 'server/model/job.ts', text: 'const a = `${new Date().getTime()}`;' },
    { path: 'server/model/ids.ts', text: "import { createHash, randomUUID } from 'node:crypto';" },
    { path: 'server/model/ids.ts', text: "import { readFileSync } from 'node:fs';" },
    { path: 'server/model/ids.ts', text: "import { z } from 'zod';" },
    { path: 'server/scheduler/round/order.ts', text: '\nconst tie = Math.random();', line: 2 },
    { path: 'server/scheduler/round/order.ts', text: "const isLong = process.env['LONG'];" },
    { path: 'server/scheduler/round/order.ts', text: 'setTimeout(next, 10);' },
  ],
  innocent: [
    { path: 'server/model/job.ts', text: '// Never Date.now() here.\nconst hint = "Math.random()";' },
    { path: 'server/model/job.ts', text: 'export const shown = (ms: number) => new Date(ms).toISOString();' },
    { path: 'server/model/ids.ts', text: "import { createHash } from 'node:crypto';" },
    { path: 'server/model/job.test.ts', text: 'const seed = Math.random();' },
    { path: 'server/scheduler/worker.ts', text: 'setTimeout(next, 10);' },
  ],
};

const CLOCKS: Readonly<Record<string, string>> = {
  'server/base/clock.ts': 'the clock of the server',
  'executor/clock.ts': 'the clock of the executor',
};

const oneClock: Rule = {
  title: 'server and executor read time in one place each',
  covers: (path) => /^(?:server|executor)\//.test(path) && isCode(path) && !isTest(path),
  check: eachFile((file) =>
    occurrences(
      file,
      viewsOf(file).bare,
      /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bprocess\.hrtime\b/g,
      ([found]) => `${found}: take a Clock, or the time, as an argument`,
    ),
  ),
  exempt: CLOCKS,
  faults: [
    { path: 'server/lease/inboxes.ts', text: 'const nowMs = Date.now();' },
    { path: 'executor/leases.ts', text: 'const startedMs = performance.now();' },
    { path: 'server/lease/inboxes.ts', text: 'const now = +new Date();' },
  ],
  innocent: [
    { path: 'server/base/clock.ts', text: 'const nowMs = Date.now();' },
    { path: 'server/lease/inboxes.ts', text: 'const nowMs = clock.now(); // not Date.now()' },
    { path: 'client/connect.ts', text: 'const deadline = Date.now() + 1;' },
  ],
};

const environment: Rule = {
  title: 'the environment is read where a program starts, and handed on',
  covers: (path) => PACKAGES.test(path) && isCode(path) && !isTest(path),
  check: eachFile((file) =>
    [
      occurrences(file, viewsOf(file).bare, /\bprocess\.env\b/g, 'take what is needed as an argument'),
      importsOf(file)
        .filter(({ specifier }) => specifier === 'node:process')
        .map(({ line }) => ({
          path: file.path,
          line,
          message: 'write process.NAME, so that this rule sees it',
        })),
    ].flat(),
  ),
  exempt: {
    'server/main.ts': 'starts the server: variables are settings',
    'server/standalone.ts': 'starts server and executor: variables are settings, and jobs inherit them',
    'server/migrate.ts': 'copies a store: variables are settings',
    'server/check.ts': 'checks a store: variables are settings',
    'server/auth/kerberos/acceptor-process.ts':
      'starts a process whose native code has its settings from variables',
    'server/restored.ts': 'marks a store: variables are settings',
    'executor/main.ts': 'starts the executor: variables are settings, and jobs inherit them',
    'armadactl/main.ts': 'starts armadactl: address and context may come from variables',
    'client/connect-from-profile.ts': 'connects as armadactl does, from a program that need not hand it on',
    'client/dev-server.ts': 'jobs of a test run with the variables of the test',
  },
  faults: [
    { path: 'server/config.ts', text: 'const port = process.env.ARMADA_GRPC_PORT;' },
    { path: 'client/profile.ts', text: "import { env } from 'node:process';" },
  ],
  innocent: [
    { path: 'server/main.ts', text: 'start(process.env);' },
    {
      path: 'server/config.ts',
      text: '/** Reads no process.env. */\nconst port = environment.ARMADA_GRPC_PORT;',
    },
  ],
};

/** Code of the server that neither is the store nor folds events into records. */
function isOutsideFold(path: string): boolean {
  return /^server\/(?!store\/|model\/job\.ts)/.test(path) && isCode(path) && !isTest(path);
}

const jobState: Rule = {
  title: 'the state of a job changes only by events through store.append',
  covers: isOutsideFold,
  check: eachFile((file) =>
    occurrences(
      file,
      viewsOf(file).bare,
      /\b\w*(?:record|job|run|stored)\w*\.state\s*=(?![=>]|\s*')|\.\.\.\s*\w*(?:record|job|run|stored)[\w.]*,[^{}]*\bstate:\s*Job/gi,
      'append an event and let the model derive the state',
    ),
  ),
  faults: [
    { path: 'server/lease/reports.ts', text: 'record.state = JobState.FAILED;' },
    { path: 'server/scheduler/cycle.ts', text: 'if (done) lastRun.state = 3;' },
    { path: 'server/submit/cancel.ts', text: 'const next = { ...stored.job, state: JobState.CANCELLED };' },
  ],
  innocent: [
    { path: 'server/lease/reports.ts', text: "if (record.state === JobState.FAILED) answer.state = 'open';" },
    { path: 'server/events/public-job.ts', text: 'const shown = { id: job.jobId, state: job.state };' },
    { path: 'server/scheduler/charges.ts', text: "const planned = { ...run, state: 'planned' };" },
    { path: 'server/model/job.ts', text: 'const next = { ...record, state: JobState.FAILED };' },
  ],
};

const SQL =
  /^\s*(?:SELECT\s|INSERT\s+(?:OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+(?:UNIQUE\s+)?(?:TABLE|INDEX|VIEW|TRIGGER)\s|PRAGMA\s|(?:BEGIN|COMMIT|ROLLBACK)\b)/;

const sql: Rule = {
  title: 'SQL is spoken only by the SQLite engine',
  covers: (path) =>
    PACKAGES.test(path) && isCode(path) && !isTest(path) && !path.startsWith('server/store/sqlite/'),
  check: eachFile((file) => {
    const texts = viewsOf(file).strings.filter(({ text }) => SQL.test(text));
    const drivers = importsOf(file).filter(({ specifier }) => specifier === 'node:sqlite');
    return [...texts, ...drivers].map(({ line }) => ({
      path: file.path,
      line,
      message: 'belongs in server/store/sqlite',
    }));
  }),
  exempt: { 'executor/process/lock.ts': 'locks its directory by SQLite, for want of file locks in Node' },
  faults: [
    { path: 'server/query/jobs.ts', text: "db.prepare('SELECT state FROM job');" },
    { path: 'server/lease/reports.ts', text: '\ndb.exec(`\n  UPDATE job SET state = 3`);', line: 2 },
    { path: 'executor/process/run.ts', text: "import { DatabaseSync } from 'node:sqlite';" },
  ],
  innocent: [
    {
      path: 'server/store/sqlite/read.ts',
      text: "import 'node:sqlite';\ndb.prepare('SELECT state FROM job');",
    },
    {
      path: 'server/query/jobs.ts',
      text: "// 'SELECT state FROM job' would be wrong\nconst hint = 'Select a job';",
    },
  ],
};

export const purityRules: readonly Rule[] = [pureCore, oneClock, environment, jobState, sql];
