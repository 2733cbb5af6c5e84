/** That no method of a service is open by mistake: each says at the door what its caller needs. */
import { eachFile, type Rule, type Tree } from './rule.ts';
import { type Finding, isCode, isTest, lineAt, occurrences, type SourceFile, viewsOf } from './source.ts';

const HANDLERS = 'server/grpc/handlers.ts';
const SERVER = 'server/grpc/server.ts';

/** An entry that goes through the door: `name: unary('need', ...`; in the bare view the literal is blank. */
const GUARDED = /^\s*\w+:\s*(?:unary|serverStream|bidiStream)\s*\(\s*'\s+'\s*,/;

/** A function that makes a service, and what wants to be one in another form. */
const SERVICE = /\bfunction \w+Service\([^)]*\)(?!: Methods\b)|:\s*Methods\s*[{=]/g;

/** What handles calls without the door, or puts a service up without the rest. */
const RAW =
  /\bhandle\w*(?:Unary|Streaming)Call\b|\bsendUnaryData\b|\bServer(?:UnaryCall|(?:Readable|Writable|Duplex)Stream)\b|\.addService\(|\bmethods:(?!\s*(?:\w+Service\(|\w*Methods\b))/g;

/** Where services are, each written over plain messages. */
function isService(path: string): boolean {
  return path.startsWith('server/rpc/') && isCode(path) && !isTest(path);
}

/** Methods that two services share: what makes them is a service itself, and judged as one. */
function isShared(entry: string, tree: Tree): boolean {
  const name = /^\s*\.\.\.(\w+)\(/.exec(entry)?.[1];
  const declared = new RegExp(`\\bfunction ${name}\\([^)]*\\): Methods\\b`);
  return (
    name !== undefined && [...tree.values()].some(({ path, text }) => isService(path) && declared.test(text))
  );
}

function unguardedMethods(file: SourceFile, tree: Tree): Finding[] {
  // Type arguments hold commas that separate no entries.
  const bare = viewsOf(file).bare.replaceAll(
    /(?<=\b(?:unary|serverStream|bidiStream))<[^()]*>(?=\()/g,
    (types) => ' '.repeat(types.length),
  );
  return [...bare.matchAll(SERVICE)].flatMap((match) => {
    const start = bare.indexOf('return {', match.index);
    const line = lineAt(bare, match.index);
    if (!match[0].endsWith('{') || start === -1) {
      const message = 'a service is made by a function of type Methods that returns an object literal';
      return [{ path: file.path, line, message }];
    }
    return entriesFrom(bare, start + 'return {'.length)
      .filter(([text]) => !GUARDED.test(text) && !isShared(text, tree))
      .map(([text, at]) => ({
        path: file.path,
        line: lineAt(bare, at + text.search(/\S/)),
        message: `${/\w+/.exec(text)?.[0] ?? 'this'} must go through unary, serverStream or bidiStream with its need spelled out`,
      }));
  });
}

/** Entries of the object literal whose inside begins at `from`, with their places. */
function entriesFrom(bare: string, from: number): [text: string, at: number][] {
  const entries: [string, number][] = [];
  let depth = 0;
  let at = from;
  for (let index = from; index < bare.length && depth >= 0; index++) {
    const char = bare.charAt(index);
    if ('({['.includes(char)) depth++;
    if (')}]'.includes(char)) depth--;
    if (depth < 0 || (depth === 0 && char === ',')) {
      entries.push([bare.slice(at, index), at]);
      at = index + 1;
    }
  }
  return entries.filter(([text]) => text.trim() !== '');
}

function serviceOf(...methods: string[]): string {
  return `export function service(deps: Deps): Methods {\n  return {\n${methods.join('\n')}\n  };\n}`;
}

const guarded: Rule = {
  title: 'every method of a service names what its caller needs',
  covers: isService,
  check: eachFile(unguardedMethods),
  faults: [
    {
      path: 'server/rpc/event.ts',
      line: 4,
      text: serviceOf("watch: unary('queue:watch', watch),", 'health: (call, done) => done(null, {}),'),
    },
    { path: 'server/rpc/event.ts', line: 3, text: serviceOf('health(call, done) { done(null, {}); },') },
    { path: 'server/rpc/event.ts', line: 3, text: serviceOf('health: unary(need, health),') },
    {
      path: 'server/rpc/event.ts',
      line: 4,
      text: serviceOf("link: bidiStream<A, B>('execute_jobs', (a, b) => f(a, b)),", '...more(deps),'),
    },
    { path: 'server/rpc/event.ts', text: 'const service: Methods = { watch };' },
    {
      path: 'server/rpc/event.ts',
      text: 'export function eventService(deps: Deps) {\n  return { watch };\n}',
    },
  ],
  innocent: [
    {
      path: 'server/rpc/event.ts',
      text: serviceOf(
        '// health: raw',
        "link: bidiStream<A, B>(\n'execute_jobs', (a, b) => ({ a, b })),",
        "health: unary('authenticated', () => {})",
      ),
    },
    {
      path: 'server/rpc/submit.ts',
      text: serviceOf('...service(deps),'),
      beside: { 'server/rpc/queues.ts': serviceOf("getQueue: unary('authenticated', get),") },
    },
  ],
};

const throughTheDoor: Rule = {
  title: 'calls reach services only through the door of server/door/call.ts',
  covers: (path) => path.startsWith('server/') && isCode(path) && !isTest(path),
  check: eachFile((file) =>
    occurrences(file, viewsOf(file).bare, RAW, ([name]) => `${name} goes around the door`),
  ),
  exempt: {
    [HANDLERS]: 'leads to the door',
    [SERVER]: 'puts up the services that it is given',
  },
  faults: [
    { path: 'server/rpc/event.ts', text: "import type { handleUnaryCall } from '@grpc/grpc-js';" },
    { path: 'server/app.ts', text: 'server.addService(EventService, { watch });' },
    { path: 'server/app.ts', text: 'const services = [{ definition, methods: { watch } }];' },
  ],
  innocent: [
    { path: 'server/app.ts', text: "const text = 'server.addService(EventService)';" },
    {
      path: 'server/app.ts',
      text: 'const services = [{ definition, methods: eventService(deps) }];',
    },
  ],
};

export const permissionRules: readonly Rule[] = [guarded, throughTheDoor];
