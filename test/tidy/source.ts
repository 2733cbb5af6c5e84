/**
 * What the house rules look at: the files of the checkout as text, and views of
 * that text in which a match means what it seems to mean. There is no parser to
 * lean on, so the views are made by one pass that tells code from comments and
 * strings and keeps every character in its line and column.
 */

/** A file of the checkout. */
export interface SourceFile {
  /** From the root of the checkout, with slashes. */
  path: string;
  text: string;
}

/** One breach of a rule. */
export interface Finding {
  path: string;
  /** From 1. */
  line: number;
  message: string;
}

/** One comment with its marks, or what one string holds; a template is a piece for each stretch between interpolations. */
export interface Piece {
  text: string;
  /** Line it starts in, from 1. */
  line: number;
}

/** Views of one source; all have its length and its lines. */
export interface Views {
  /** Without comments. */
  code: string;
  /** Without comments and without what strings and regular expressions hold; their quotes stay. */
  bare: string;
  comments: readonly Piece[];
  strings: readonly Piece[];
}

const views = new WeakMap<SourceFile, Views>();

/** The views of a TypeScript or JavaScript file, made once. */
export function viewsOf(file: SourceFile): Views {
  let made = views.get(file);
  if (!made) {
    made = scan(file.text);
    views.set(file, made);
  }
  return made;
}

/** Whether it is code of ours that Node runs. */
export function isCode(path: string): boolean {
  return /\.(?:ts|mjs)$/.test(path);
}

/** Whether it runs only in tests and benchmarks: test files, what lies in a folder testing, and the two packages of tests. */
export function isTest(path: string): boolean {
  return /\.test\.ts$|(?:^|\/)testing\/|^(?:test|bench)\//.test(path);
}

/** Line of a place in a text, from 1. */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** A finding for every match of the pattern, which must be global, in a view of the file. */
export function occurrences(
  file: SourceFile,
  view: string,
  pattern: RegExp,
  message: string | ((match: RegExpExecArray) => string),
): Finding[] {
  return [...view.matchAll(pattern)].map((match) => ({
    path: file.path,
    line: lineAt(view, match.index + match[0].search(/\S/)),
    message: typeof message === 'string' ? message : message(match),
  }));
}

/** Whatever may hide code, a place where an interpolation may end, or a slash. */
const TOKEN = /^#!.*|\/\/.*|\/\*[^]*?\*\/|(["'])(?:\\[^]|(?!\1)[^\\\n])*\1|[`{}/]/g;

/** What a template holds up to its end or its next interpolation. */
const TEMPLATE_TEXT = /(?:\\[^]|(?!\$\{)[^\\`])*(?:`|\$\{)/y;

const REGULAR_EXPRESSION = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\//y;

/** After these a slash divides; after anything else it begins a regular expression. */
const OPERAND_BEFORE = /(?:[\w$)\]'"`]|\+\+|--)\s*$/;
const KEYWORD_BEFORE = /\b(?:return|typeof|case|in|of|do|else|void|delete|throw|await|yield)\s*$/;

type Span = [start: number, end: number, kind: 'comment' | 'string' | 'pattern'];

function scan(text: string): Views {
  const spans: Span[] = [];
  /** Depths of braces at which the open interpolations end. */
  const interpolations: number[] = [];
  let depth = 0;
  const takeTemplate = (from: number): number => {
    TEMPLATE_TEXT.lastIndex = from;
    const end = TEMPLATE_TEXT.test(text) ? TEMPLATE_TEXT.lastIndex : text.length;
    const isOver = text[end - 1] === '`';
    spans.push([from, isOver ? end - 1 : end - 2, 'string']);
    if (!isOver) interpolations.push(depth);
    return end;
  };
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
    const [token] = match;
    const start = match.index;
    const end = start + token.length;
    if (token === '`') TOKEN.lastIndex = takeTemplate(end);
    else if (token === '{') depth++;
    else if (token === '}') {
      if (interpolations.at(-1) !== depth) depth--;
      else {
        interpolations.pop();
        TOKEN.lastIndex = takeTemplate(end);
      }
    } else if (token === '/') {
      REGULAR_EXPRESSION.lastIndex = start;
      if (beginsRegularExpression(text, start) && REGULAR_EXPRESSION.test(text)) {
        TOKEN.lastIndex = REGULAR_EXPRESSION.lastIndex;
        spans.push([start + 1, TOKEN.lastIndex - 1, 'pattern']);
      }
    } else if (match[1]) spans.push([start + 1, end - 1, 'string']);
    else spans.push([start, end, 'comment']);
  }
  const pieces = (wanted: Span[2]): Piece[] =>
    spans
      .filter(([, , kind]) => kind === wanted)
      .map(([start, end]) => ({ text: text.slice(start, end), line: lineAt(text, start) }));
  const code = blanked(
    text,
    spans.filter(([, , kind]) => kind === 'comment'),
  );
  return { code, bare: blanked(text, spans), comments: pieces('comment'), strings: pieces('string') };
}

function beginsRegularExpression(text: string, slash: number): boolean {
  const before = text.slice(Math.max(0, slash - 40), slash);
  return !OPERAND_BEFORE.test(before) || KEYWORD_BEFORE.test(before);
}

function blanked(text: string, spans: readonly Span[]): string {
  let result = '';
  let at = 0;
  for (const [start, end] of spans) {
    result += text.slice(at, start) + text.slice(start, end).replaceAll(/[^\n]/g, ' ');
    at = end;
  }
  return result + text.slice(at);
}
