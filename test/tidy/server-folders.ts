/** The order of folders inside the server: a folder imports those before it, and stages never each other. */
import { importsOf, relativeTo } from './imports.ts';
import { eachFile, type Rule } from './rule.ts';
import { type Finding, isCode, isTest, type SourceFile } from './source.ts';

/** In the order in which a job flows through them; news between them travels through the log. */
const STAGES = ['submit', 'scheduler', 'lease', 'events', 'query', 'operator'];
const GROUND = ['base', 'model', 'store', 'auth'];

/**
 * What the files of each folder may import besides their own folder. `store` is
 * the port, `engine` any folder inside it, `root` the files of server itself
 * and `config` any folder's config.ts.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  model: [],
  store: ['base', 'model'],
  engine: ['base', 'model', 'store'],
  // Authorities of certificates are read and judged in tls, whether a port or a scheme trusts them.
  auth: ['base', 'model', 'tls'],
  tls: ['base'],
  ...Object.fromEntries(STAGES.map((stage) => [stage, GROUND])),
  scheduler: [...GROUND, 'round'],
  round: ['model'],
  door: GROUND,
  rpc: [...GROUND, ...STAGES, 'peers', 'door'],
  grpc: ['base', 'auth', 'door', 'tls'],
  gateway: [...GROUND, ...STAGES, 'door', 'tls'],
  peers: ['base', 'model', 'store'],
  observe: [...GROUND, ...STAGES, 'door'],
  root: [...GROUND, ...STAGES, 'tls'],
};

/** Programs and their configuration: what they start is made by the wiring. */
const PROGRAMS: readonly string[] = [
  'server/main.ts',
  'server/standalone.ts',
  'server/migrate.ts',
  'server/check.ts',
  'server/check-audit.ts',
  'server/restored.ts',
  'server/dev-server.ts',
];
const CONFIG = 'server/config.ts';
/** Programs that are about one part of the server and nothing else. */
const PART_OF_PROGRAM: Readonly<Record<string, string>> = {
  'server/migrate.ts': 'store',
  'server/check.ts': 'store',
  'server/check-audit.ts': 'observe',
};

/** Where parts are wired, so these may import everything; the others are parts of the app. */
const WIRING = 'server/app.ts';
const WIRED: readonly string[] = ['server/services.ts', 'server/operator-port.ts'];
/** The only file besides that knows which engines there are. */
const ENGINES = 'server/engines.ts';

/** Where a file of the server stands in the table; a folder's name where it has none. */
function placeOf(path: string): string {
  const [, folder = '', ...rest] = path.split('/');
  if (rest.length === 0) return 'root';
  if (folder === 'store' && rest.length > 1) return 'engine';
  if (folder === 'scheduler' && rest[0] === 'round' && rest.length > 1) return 'round';
  return folder;
}

function allowedFor(path: string): readonly string[] {
  const part = PART_OF_PROGRAM[path];
  if (part !== undefined) return ['base', part];
  if (PROGRAMS.includes(path)) return ['base', 'config'];
  if (path === CONFIG) return ['base', 'model', 'config'];
  return MAY_IMPORT[placeOf(path)] ?? [];
}

function mayImport(from: string, target: string): boolean {
  const place = placeOf(from);
  if (from === WIRING) return true;
  if (from === ENGINES && placeOf(target) === 'engine') return true;
  if (target === WIRING) return PROGRAMS.includes(from);
  if (WIRED.includes(from)) return true;
  if (WIRED.includes(target)) return false;
  // Engines know nothing of each other.
  if (place === 'engine' && placeOf(target) === 'engine') return from.split('/')[2] === target.split('/')[2];
  const allowed = [place, ...allowedFor(from)];
  return allowed.includes(placeOf(target)) || (allowed.includes('config') && target.endsWith('/config.ts'));
}

/** How JSON is written on a line, which has nothing to do with messages. */
const PLAIN = '@armada-ts/api/json/one-line';

function misplacedImports(file: SourceFile): Finding[] {
  return importsOf(file).flatMap(({ specifier, line }) => {
    if (placeOf(file.path) === 'base' && specifier.startsWith('@armada-ts/') && specifier !== PLAIN) {
      return [{ path: file.path, line, message: `base knows nothing of ${specifier}` }];
    }
    const target = specifier.startsWith('.') ? relativeTo(file.path, specifier) : '';
    if (!target.startsWith('server/') || mayImport(file.path, target)) return [];
    const message = `${placeOf(file.path)} does not import ${placeOf(target)} (${specifier})`;
    return [{ path: file.path, line, message }];
  });
}

function importLine(specifier: string): string {
  return `import type { A } from '${specifier}';`;
}

const order: Rule = {
  title: 'folders of the server import only those before them, and stages never each other',
  covers: (path) => path.startsWith('server/') && isCode(path) && !isTest(path),
  check: eachFile(misplacedImports),
  faults: [
    { path: 'server/submit/validate.ts', text: importLine('../scheduler/worker.ts') },
    { path: 'server/scheduler/worker.ts', text: importLine('../submit/config.ts') },
    { path: 'server/events/hub.ts', text: importLine('../store/sqlite/open.ts') },
    { path: 'server/query/logs.ts', text: importLine('../grpc/server.ts') },
    { path: 'server/lease/stream.ts', text: importLine('../config.ts') },
    { path: 'server/scheduler/round/order.ts', text: importLine('../cycle.ts') },
    { path: 'server/scheduler/round/order.ts', text: importLine('../../base/errors.ts') },
    { path: 'server/model/job.ts', text: importLine('../base/errors.ts') },
    { path: 'server/base/clock.ts', text: importLine('../model/ids.ts') },
    { path: 'server/base/clock.ts', text: importLine('@armada-ts/api/api/queue') },
    { path: 'server/auth/chain.ts', text: importLine('../store/store.ts') },
    { path: 'server/store/store.ts', text: importLine('./sqlite/open.ts') },
    { path: 'server/store/redis/append.ts', text: importLine('../sqlite/append.ts') },
    { path: 'server/gateway/http.ts', text: importLine('../grpc/server.ts') },
    { path: 'server/peers/logs.ts', text: importLine('../lease/links.ts') },
    { path: 'server/lease/stream.ts', text: importLine('../peers/sightings.ts') },
    { path: 'server/config.ts', text: importLine('./submit/rules.ts') },
    { path: 'server/main.ts', text: importLine('./grpc/server.ts') },
    { path: 'server/config.ts', text: importLine('./app.ts') },
    { path: 'server/follow.ts', text: importLine('./store/sqlite/open.ts') },
    { path: 'server/main.ts', text: importLine('./events/hub.ts') },
    { path: 'server/migrate.ts', text: importLine('./store/sqlite/export.ts') },
    { path: ENGINES, text: importLine('./grpc/server.ts') },
    { path: 'server/main.ts', text: importLine('./operator-port.ts') },
    { path: 'server/operator-port.ts', text: importLine('./app.ts') },
  ],
  innocent: [
    { path: 'server/submit/validate.ts', text: importLine('../auth/authorizer.ts') },
    { path: 'server/scheduler/cycle.ts', text: importLine('./round/order.ts') },
    { path: 'server/events/hub.ts', text: importLine('../store/store.ts') },
    { path: 'server/store/sqlite/append.ts', text: importLine('../store.ts') },
    { path: 'server/rpc/event.ts', text: importLine('../events/watch.ts') },
    { path: 'server/rpc/peers.ts', text: importLine('../peers/token.ts') },
    { path: 'server/gateway/rest.ts', text: importLine('../door/call.ts') },
    { path: 'server/peers/members.ts', text: importLine('../store/store.ts') },
    { path: 'server/config.ts', text: importLine('./submit/config.ts') },
    { path: 'server/main.ts', text: importLine('./app.ts') },
    { path: 'server/follow.ts', text: importLine('./events/hub.ts') },
    { path: 'server/standalone.ts', text: importLine('./auth/config.ts') },
    { path: 'server/migrate.ts', text: importLine('./store/migrate.ts') },
    { path: ENGINES, text: importLine('./store/sqlite/open.ts') },
    { path: WIRING, text: `${importLine('./store/sqlite/open.ts')}\n${importLine('./grpc/server.ts')}` },
    { path: 'server/submit/validate.test.ts', text: importLine('../store/sqlite/open.ts') },
  ],
};

const known: Rule = {
  title: 'every folder of the server has its place in the order',
  covers: (path) => path.startsWith('server/') && isCode(path),
  check: eachFile(({ path }) => {
    const place = placeOf(path);
    if (MAY_IMPORT[place]) return [];
    return [{ path, line: 1, message: `folder ${place} is not in the table of this rule` }];
  }),
  faults: [{ path: 'server/cache/jobs.ts', text: '' }],
  innocent: [
    { path: 'server/events/hub.ts', text: '' },
    { path: 'server/app.ts', text: '' },
  ],
};

export const serverFolderRules: readonly Rule[] = [order, known];
