import {
  isAlias,
  isMap,
  isSeq,
  isScalar,
  LineCounter,
  parseAllDocuments,
  type Document,
  type ScalarTag,
} from 'yaml';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';

/** Something wrong in a file. */
export interface FileFault {
  /** From the document's root, such as `jobs[0].podSpec`; empty for the document as a whole. */
  path: string;
  message: string;
}

/** One document of a YAML or JSON file. */
export interface FileDocument {
  /** Plain values, as JSON.parse would give them. */
  value: unknown;
  /** The line on which the value at a path begins, from 1; undefined when it cannot be told. */
  lineOf(path: string): number | undefined;
}

/** Faults beyond these help nobody. */
const MAX_FAULTS = 20;

/**
 * Kubernetes reads numbers with a leading zero as octal, and file modes are
 * written so; YAML 1.2 would make 0644 the number 644.
 */
const leadingZeroOctal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: /^0[0-7]+$/,
  resolve: (text) => Number.parseInt(text, 8),
};

/**
 * Reads the documents of a file. Throws a usage failure with the place of each
 * syntax error.
 */
export function parseFile(name: string, text: string): FileDocument[] {
  const json = text.trimStart().startsWith('{') ? parseJson(text) : undefined;
  if (json !== undefined) {
    let parsed: FileDocument[] | undefined;
    const lineOf = (path: string) => {
      parsed ??= parseYaml(name, text);
      return parsed[0]?.lineOf(path);
    };
    return [{ value: json, lineOf }];
  }
  return parseYaml(name, text);
}

/** JSON is YAML too, but a large file is read many times faster as JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseYaml(name: string, text: string): FileDocument[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    merge: true,
    customTags: (tags) => [leadingZeroOctal, ...tags],
  });
  if (!Array.isArray(documents)) return [];
  const faults = documents.flatMap((document) => document.errors);
  if (faults.length > 0) {
    throw new Failure(ExitCode.usage, `${name} is not valid YAML`, {
      details: faults.slice(0, MAX_FAULTS).map((fault) => fault.message.split('\n')[0] ?? ''),
    });
  }
  return documents
    .filter((document) => document.contents !== null)
    .map((document) => ({
      value: toPlain(name, document),
      lineOf: (path) => {
        const start = startOf(document, parsePath(path));
        return start === undefined ? undefined : lines.linePos(start).line;
      },
    }));
}

/** Too many aliases are refused here by the parser, so that a small file cannot fill the memory. */
function toPlain(name: string, document: Document): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Failure(ExitCode.usage, `${name}: ${reason}`, { cause });
  }
}

/** A file that reads as YAML but says what it must not. */
export function faultyFile(name: string, document: FileDocument, faults: readonly FileFault[]): Failure {
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  return new Failure(ExitCode.usage, `${name} has ${count}`, { details: faultLines(document, faults) });
}

/** A line for each fault, naming its place in the file. */
export function faultLines(document: FileDocument, faults: readonly FileFault[]): string[] {
  const lines = faults.slice(0, MAX_FAULTS).map(({ path, message }) => {
    const line = document.lineOf(path);
    const place = line === undefined ? '' : `line ${line}: `;
    return `${place}${path === '' ? '' : `${path}: `}${message}`;
  });
  if (faults.length > MAX_FAULTS) lines.push('and more');
  return lines;
}

/** Reads `jobs[0].podSpec["odd key"]`. */
function parsePath(path: string): (string | number)[] {
  const parts = path.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g);
  return [...parts].map(([, index, quoted, key]) => {
    if (index !== undefined) return Number(index);
    return quoted === undefined ? (key ?? '') : quoted.replaceAll(/\\(.)/g, '$1');
  });
}

/** Where the key or element begins; of the nearest thing around it when it is not there, unless that is the whole document. */
function startOf(document: Document, path: readonly (string | number)[]): number | undefined {
  let node: unknown = document.contents;
  let start: number | undefined;
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isSeq(node) && typeof part === 'number') {
      node = node.items[part];
      start = rangeStart(node) ?? start;
    } else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (!pair) return start;
      start = rangeStart(pair.key) ?? start;
      node = pair.value;
    } else {
      return start;
    }
  }
  return start;
}

function rangeStart(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}
