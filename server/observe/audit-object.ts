/** What a call is about, as the audit log names it: only fields that are known to name things, so that nothing secret can slip in. */

/** Fields of requests that name what they are about; what else a request holds is nobody's business here. */
const NAMING = [
  'queue',
  'queues',
  'jobSetId',
  'jobId',
  'jobIds',
  'name',
  'executor',
  'executorId',
  'id',
  'accessKey',
  'address',
] as const;

const MAX_NAMES = 20;
const MAX_LENGTH = 256;

/** What servers make begins so. */
const SECRET = /(armada-(?:secret|operator)-)[\w-]+/g;

/** Names by their fields, each cut where it is absurdly long; undefined when the request names nothing. */
export function objectOf(request: unknown): Record<string, string | string[] | number> | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(request));
  const found: Record<string, string | string[] | number> = {};
  for (const field of NAMING) {
    const value = fields.get(field);
    if (Array.isArray(value)) {
      const names = value.slice(0, MAX_NAMES).flatMap(nameOf);
      if (names.length > 0) found[field] = names;
      if (value.length > MAX_NAMES) found[`${field}LeftOut`] = value.length - MAX_NAMES;
    } else if (typeof value === 'string' && value !== '') {
      found[field] = shortened(value);
    }
  }
  const items = fields.get('jobRequestItems');
  if (Array.isArray(items)) found['jobs'] = items.length;
  return Object.keys(found).length > 0 ? found : undefined;
}

/** So long a text is no name any more; nor is a secret that somebody took for one. */
export function shortened(text: string): string {
  const name = text.replaceAll(SECRET, '$1...');
  return name.length <= MAX_LENGTH ? name : `${name.slice(0, MAX_LENGTH)}...`;
}

/** Of an item of a list: itself, or what it is called. */
function nameOf(item: unknown): string[] {
  if (typeof item === 'string') return [shortened(item)];
  const name = typeof item === 'object' && item !== null && 'name' in item ? item.name : undefined;
  return typeof name === 'string' ? [shortened(name)] : [];
}
