/** A template that cannot be read; the message says where and why. */
export class JsonPathError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JsonPathError';
  }
}

export type Part =
  | { kind: 'text'; text: string }
  | { kind: 'path'; path: Path }
  | { kind: 'range'; path: Path; body: Part[] };

export interface Path {
  kind: 'path';
  fromRoot: boolean;
  steps: Step[];
}

export type Step =
  | { kind: 'fields'; names: string[] }
  | { kind: 'all' | 'descend' }
  | { kind: 'index'; index: number }
  | { kind: 'slice'; from: number | undefined; to: number | undefined; step: number }
  | { kind: 'filter'; comparison: Comparison };

export type Operand = Path | { kind: 'literal'; value: unknown };

export interface Comparison {
  left: Operand;
  /** Undefined when only the presence of `left` is asked for. */
  operator: '==' | '!=' | '<=' | '>=' | '<' | '>' | undefined;
  right: Operand | undefined;
}

const OPERATORS = ['==', '!=', '<=', '>=', '<', '>'] as const;

/**
 * Reads kubectl's JSONPath: text with expressions in braces, `{range}` and
 * `{end}`, fields, `[n]`, `[a:b:c]`, `[*]`, `..`, unions of names, and filters
 * with one comparison. A template without braces is one expression.
 */
export function parseTemplate(text: string): Part[] {
  const source = text.includes('{') ? text : `{${text}}`;
  const stack: Part[][] = [[]];
  const ranges: Path[] = [];
  let at = 0;
  while (at < source.length) {
    const open = source.indexOf('{', at);
    const plain = source.slice(at, open === -1 ? undefined : open);
    if (plain !== '') stack.at(-1)?.push({ kind: 'text', text: plain });
    if (open === -1) break;
    const reader = createReader(source, open + 1);
    reader.skipBlanks();
    if (reader.takeWord('range')) {
      ranges.push(readPath(reader));
      stack.push([]);
    } else if (reader.takeWord('end')) {
      const path = ranges.pop();
      if (!path) throw reader.fault('{end} without {range}');
      const body = stack.pop() ?? [];
      stack.at(-1)?.push({ kind: 'range', path, body });
    } else {
      stack.at(-1)?.push(readExpression(reader));
    }
    reader.skipBlanks();
    reader.expect('}');
    at = reader.position();
  }
  if (ranges.length > 0) throw new JsonPathError('{range} needs an {end}');
  return stack[0] ?? [];
}

interface Reader {
  position(): number;
  peek(text: string): boolean;
  take(text: string): boolean;
  /** A word that ends where letters end. */
  takeWord(word: string): boolean;
  match(pattern: RegExp): string | undefined;
  expect(text: string): void;
  skipBlanks(): void;
  fault(what: string): JsonPathError;
}

function createReader(source: string, start: number): Reader {
  let at = start;
  const match = (pattern: RegExp): string | undefined => {
    const sticky = new RegExp(pattern.source, 'y');
    sticky.lastIndex = at;
    const found = sticky.exec(source)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const take = (text: string): boolean => {
    if (!source.startsWith(text, at)) return false;
    at += text.length;
    return true;
  };
  const fault = (what: string) =>
    new JsonPathError(
      `${what}, at ${at < source.length ? `"${source.slice(at, at + 12)}"` : 'the end'} of the jsonpath template`,
    );
  return {
    position: () => at,
    peek: (text) => source.startsWith(text, at),
    take,
    takeWord: (word) => match(new RegExp(`${word}(?![\\w.\\[])`)) !== undefined,
    match,
    expect: (text) => {
      if (!take(text)) throw fault(`expected "${text}"`);
    },
    skipBlanks: () => void match(/\s*/),
    fault,
  };
}

function readExpression(reader: Reader): Part {
  const text = readText(reader);
  return text === undefined ? { kind: 'path', path: readPath(reader) } : { kind: 'text', text };
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
]);

/** Text in single or double quotes. */
function readText(reader: Reader): string | undefined {
  const quoted = reader.match(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/);
  return quoted
    ?.slice(1, -1)
    .replaceAll(/\\(.)/g, (_, character: string) => ESCAPES.get(character) ?? character);
}

function readPath(reader: Reader): Path {
  reader.skipBlanks();
  const start = reader.match(/[$@]/);
  const steps: Step[] = [];
  for (;;) {
    if (reader.take('..')) steps.push({ kind: 'descend' }, ...(reader.peek('[') ? [] : [readName(reader)]));
    else if (reader.take('.')) {
      if (reader.peek('}') || reader.peek('[')) continue;
      steps.push(readName(reader));
    } else if (reader.take('[')) steps.push(readBrackets(reader));
    else if (steps.length === 0 && start === undefined && !reader.peek('}')) steps.push(readName(reader));
    else return { kind: 'path', fromRoot: start === '$', steps };
  }
}

function readName(reader: Reader): Step {
  if (reader.take('*')) return { kind: 'all' };
  // Dots inside a name are escaped, as in labels: `.labels.example\.com/team`.
  const name = reader.match(/(?:[\w/-]|\\.)+/);
  if (name === undefined) throw reader.fault('expected the name of a field');
  if (reader.peek('(')) throw reader.fault(`functions such as ${name}() are not supported`);
  return { kind: 'fields', names: [name.replaceAll(/\\(.)/g, '$1')] };
}

function readBrackets(reader: Reader): Step {
  reader.skipBlanks();
  const step = readInside(reader);
  reader.skipBlanks();
  if (reader.peek(',')) throw reader.fault('a union can have names only, as in ["a","b"]');
  reader.expect(']');
  return step;
}

function readInside(reader: Reader): Step {
  if (reader.take('*')) return { kind: 'all' };
  if (reader.take('?(')) return readFilter(reader);
  const name = readText(reader);
  if (name !== undefined) {
    const names = [name];
    while (reader.match(/\s*,\s*/) !== undefined) {
      const next = readText(reader);
      if (next === undefined) throw reader.fault('expected a name in quotes');
      names.push(next);
    }
    return { kind: 'fields', names };
  }
  const slice = reader.match(/-?\d*:-?\d*(?::\d+)?/);
  if (slice !== undefined) {
    const [from = '', to = '', step = ''] = slice.split(':');
    const number = (digits: string) => (digits === '' ? undefined : Number(digits));
    return { kind: 'slice', from: number(from), to: number(to), step: Math.max(1, Number(step || '1')) };
  }
  const index = reader.match(/-?\d+/);
  if (index !== undefined) return { kind: 'index', index: Number(index) };
  throw reader.fault('expected a number, a range, *, a name in quotes or a filter ?(...)');
}

function readFilter(reader: Reader): Step {
  const left = readOperand(reader);
  reader.skipBlanks();
  const operator = OPERATORS.find((candidate) => reader.take(candidate));
  const right = operator === undefined ? undefined : readOperand(reader);
  reader.skipBlanks();
  if (reader.peek('&&') || reader.peek('||')) {
    throw reader.fault('a filter can have one comparison; put two filters one after the other for "and"');
  }
  if (reader.peek('=~')) throw reader.fault('patterns are not supported');
  reader.expect(')');
  return { kind: 'filter', comparison: { left, operator, right } };
}

function readOperand(reader: Reader): Operand {
  reader.skipBlanks();
  const text = readText(reader);
  if (text !== undefined) return { kind: 'literal', value: text };
  const literal = reader.match(/-?\d+(?:\.\d+)?|true\b|false\b|null\b/);
  if (literal !== undefined) return { kind: 'literal', value: JSON.parse(literal) as unknown };
  if (!reader.peek('@') && !reader.peek('$')) {
    throw reader.fault('expected @.field, $.field, a text in quotes or a number');
  }
  return readPath(reader);
}
