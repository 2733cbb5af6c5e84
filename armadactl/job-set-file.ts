import { fromJson, JsonError } from '@armada-ts/api/json';
import { nearNames } from '@armada-ts/api/json/near-names';
import type { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import type { TextFile } from './text-file.ts';
import { faultyFile, parseFile, type FileDocument, type FileFault } from './yaml-file.ts';
import { Failure } from './failure.ts';
import { ExitCode } from './exit-codes.ts';

/** Jobs for one job set, as Armada's job set files describe them. */
export interface JobSetFile {
  /** For messages. */
  name: string;
  queue: string;
  jobSetId: string;
  items: JobSubmitRequestItem[];
  /** For naming the places of what the server finds wrong. */
  document: FileDocument;
}

const KEYS = ['queue', 'jobSetId', 'jobs'];
const DEFAULT_NAMESPACE = 'default';

/**
 * Reads a job set file in YAML or JSON: `queue`, `jobSetId`, and `jobs` in the
 * JSON form of api.JobSubmitRequestItem, pod specs in Kubernetes' own. A job
 * without a namespace is for the namespace `default`. Unknown keys are refused,
 * because a misspelt one would otherwise have no effect without a word.
 *
 * Throws a failure that names the path and line of every fault.
 */
export function parseJobSetFile({ name, text }: TextFile): JobSetFile {
  const documents = parseFile(name, text);
  const [document] = documents;
  if (!document) throw new Failure(ExitCode.usage, `${name} is empty`);
  if (documents.length > 1) {
    throw new Failure(ExitCode.usage, `${name} has ${documents.length} documents: a job set file has one`);
  }
  return readJobSetDocument(name, document);
}

/** As `parseJobSetFile`, of one document of a file. */
export function readJobSetDocument(name: string, document: FileDocument): JobSetFile {
  const faults: FileFault[] = [];
  const jobSet = readJobSet(document, faults);
  if (faults.length > 0) throw faultyFile(name, document, faults);
  return { name, ...jobSet };
}

function readJobSet(document: FileDocument, faults: FileFault[]): Omit<JobSetFile, 'name'> {
  const { value } = document;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    faults.push({ path: '', message: `expected the keys ${KEYS.join(', ')}` });
    return { queue: '', jobSetId: '', items: [], document };
  }
  if ('kind' in value) {
    faults.push({ path: 'kind', message: 'this is no job set; `armadactl apply -f` takes queues' });
    return { queue: '', jobSetId: '', items: [], document };
  }
  const entries = new Map<string, unknown>();
  for (const [key, entry] of Object.entries(value)) {
    // Without regard to case, like every key inside the jobs.
    const known = KEYS.find((candidate) => candidate.toLowerCase() === key.toLowerCase());
    if (known !== undefined) entries.set(known, entry);
    else faults.push({ path: key, message: unknownKey(key) });
  }
  return {
    queue: readName(entries, 'queue', faults),
    jobSetId: readName(entries, 'jobSetId', faults),
    items: readItems(entries.get('jobs'), faults),
    document,
  };
}

/** In the words of the codec, which judges every key further in. */
function unknownKey(key: string): string {
  const [near] = nearNames(key, KEYS);
  return near === undefined
    ? `unknown key; expected ${KEYS.join(', ')}`
    : `unknown key; did you mean "${near}"?`;
}

function readName(entries: ReadonlyMap<string, unknown>, key: string, faults: FileFault[]): string {
  const value = entries.get(key);
  if (typeof value === 'string' && value !== '') return value;
  const message =
    value === undefined || value === null || value === ''
      ? 'is missing'
      : `expected text, got ${typeof value}: put it in quotes`;
  faults.push({ path: key, message });
  return '';
}

function readItems(jobs: unknown, faults: FileFault[]): JobSubmitRequestItem[] {
  if (!Array.isArray(jobs) || jobs.length === 0) {
    faults.push({ path: 'jobs', message: 'expected a list of at least one job' });
    return [];
  }
  const items: JobSubmitRequestItem[] = [];
  for (const [index, job] of jobs.entries()) {
    try {
      const item = fromJson('api.JobSubmitRequestItem', job, { unknown: 'error' });
      items.push(item.namespace === '' ? { ...item, namespace: DEFAULT_NAMESPACE } : item);
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      for (const { path, message } of error.faults) {
        faults.push({ path: joinPath(`jobs[${index}]`, path), message });
      }
    }
  }
  return items;
}

function joinPath(parent: string, path: string): string {
  if (path === '') return parent;
  return path.startsWith('[') ? `${parent}${path}` : `${parent}.${path}`;
}

/** Where in the file a field of the request came from: `job_request_items[1].pod_spec` is `jobs[1].podSpec`. */
export function pathInFile(requestField: string): string {
  return requestField
    .replace(/^job_request_items\b/, 'jobs')
    .replaceAll(/"[^"]*"|_([a-z])/g, (whole, letter?: string) => letter?.toUpperCase() ?? whole);
}
