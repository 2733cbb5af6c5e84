import { fromJson, JsonError } from '@armada-ts/api/json';
import type { Queue } from '@armada-ts/api/api/queue';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';
import type { TextFile } from './text-file.ts';
import { faultyFile, parseFile, type FileDocument } from './yaml-file.ts';

/** The only version there has been. */
const API_VERSION = 'armadaproject.io/v1beta1';

/**
 * Reads the queues of a file with one or more documents of `kind: Queue`, in the
 * form that `get queue` prints. Throws a failure that names every fault's place.
 */
export function parseQueueFile({ name, text }: TextFile): Queue[] {
  const documents = parseFile(name, text);
  if (documents.length === 0) throw new Failure(ExitCode.usage, `${name} is empty`);
  return documents.map((document) => readQueueDocument(name, document));
}

/** As `parseQueueFile`, of one document of a file. */
export function readQueueDocument(name: string, document: FileDocument): Queue {
  const { value } = document;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw faultyFile(name, document, [{ path: '', message: 'expected the keys of a queue' }]);
  }
  const { apiVersion, kind, ...definition }: { apiVersion?: unknown; kind?: unknown } = value;
  if (kind !== 'Queue') {
    throw faultyFile(name, document, [{ path: 'kind', message: `expected Queue, got ${shown(kind)}` }]);
  }
  if (apiVersion !== undefined && apiVersion !== API_VERSION) {
    throw faultyFile(name, document, [
      { path: 'apiVersion', message: `expected ${API_VERSION}, got ${shown(apiVersion)}` },
    ]);
  }
  try {
    const queue = fromJson('api.Queue', definition, { unknown: 'error' });
    if (queue.name === '') throw faultyFile(name, document, [{ path: 'name', message: 'is missing' }]);
    return queue;
  } catch (error) {
    throw error instanceof JsonError ? faultyFile(name, document, error.faults) : error;
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : value === undefined ? 'nothing' : `a ${typeof value}`;
}
