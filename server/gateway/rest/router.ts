/**
 * Finds the route of a request by its verb and path. Paths without variables
 * are looked up whole; the others segment by segment, literal ones first.
 */
import { parseTemplate, type Template } from './template.ts';

export interface Found<Target> {
  target: Target;
  /** Texts from the path by the request field that takes them. */
  values: readonly { field: string; text: string }[];
}

export type Lookup<Target> =
  | ({ outcome: 'found' } & Found<Target>)
  | { outcome: 'unknown path' }
  /** The path is known with these verbs. */
  | { outcome: 'other verbs'; verbs: readonly string[] }
  /** Not a path: a percent sign without two hexadecimal digits, or bytes that are no UTF-8. */
  | { outcome: 'malformed' };

export interface Router<Target> {
  /** @param path without the query */
  find(verb: string, path: string): Lookup<Target>;
}

interface Entry<Target> {
  template: Template;
  target: Target;
}

/** By verb and action; see keyOf. */
type Entries<Target> = Map<string, Entry<Target>>;

/** Where one is after some segments. */
interface Place<Target> {
  literals: Map<string, Place<Target>>;
  one: Place<Target> | undefined;
  /** Routes that take whatever follows. */
  rest: Entries<Target>;
  /** Routes that end here. */
  ends: Entries<Target>;
}

const UNKNOWN_PATH = { outcome: 'unknown path' } as const;
const MALFORMED = { outcome: 'malformed' } as const;

/** Throws TypeError when two routes have the same verb and path: that is a fault of ours. */
export function createRouter<Target>(
  routes: readonly { verb: string; template: string; target: Target }[],
): Router<Target> {
  const whole = new Map<string, Entries<Target>>();
  const root = emptyPlace<Target>();
  for (const { verb, template: text, target } of routes) {
    const template = parseTemplate(text);
    const entries = entriesFor(root, template);
    const key = keyOf(verb, template.action);
    if (entries.has(key)) throw new TypeError(`there are two routes ${verb} ${text}`);
    entries.set(key, { template, target });
    if (template.action === '' && template.segments.every(({ kind }) => kind === 'literal')) {
      whole.set(text, entries);
    }
  }
  return {
    find(verb, path) {
      const known = whole.get(path)?.get(keyOf(verb, ''));
      if (known !== undefined) return { outcome: 'found', target: known.target, values: [] };
      const segments = segmentsOf(path);
      if (segments === undefined) return MALFORMED;
      const readings = readingsOf(segments);
      for (const reading of readings) {
        const key = keyOf(verb, reading.action);
        const entry = search(root, reading.segments, (entries) => entries.get(key));
        if (entry) return { outcome: 'found', target: entry.target, values: valuesOf(entry, reading) };
      }
      const verbs = readings.flatMap((reading) => [...verbsOf(root, reading)]);
      return verbs.length > 0 ? { outcome: 'other verbs', verbs } : UNKNOWN_PATH;
    },
  };
}

function keyOf(verb: string, action: string): string {
  return `${verb}:${action}`;
}

function emptyPlace<Target>(): Place<Target> {
  return { literals: new Map(), one: undefined, rest: new Map(), ends: new Map() };
}

/** Where the routes of a template are kept, made when it is the first of its form. */
function entriesFor<Target>(root: Place<Target>, { segments }: Template): Entries<Target> {
  let place = root;
  for (const segment of segments) {
    if (segment.kind === 'rest') return place.rest;
    if (segment.kind === 'one') place = place.one ??= emptyPlace();
    else place = literalAt(place, segment.text);
  }
  return place.ends;
}

function literalAt<Target>(place: Place<Target>, text: string): Place<Target> {
  let next = place.literals.get(text);
  if (next === undefined) {
    next = emptyPlace();
    place.literals.set(text, next);
  }
  return next;
}

/** The segments decoded, so that one may hold a slash; undefined when that cannot be done. */
function segmentsOf(path: string): string[] | undefined {
  const segments = path.slice(1).split('/');
  if (!path.includes('%')) return segments;
  try {
    return segments.map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

interface Reading {
  segments: readonly string[];
  action: string;
}

/** As it stands, for names may hold colons; else what follows the last colon is an action. */
function readingsOf(segments: readonly string[]): Reading[] {
  const whole = { segments, action: '' };
  const last = segments.at(-1) ?? '';
  const colon = last.lastIndexOf(':');
  if (colon === -1) return [whole];
  return [whole, { segments: segments.with(-1, last.slice(0, colon)), action: last.slice(colon + 1) }];
}

/** What `pick` takes of the entries that fit best and that it takes something of. */
function search<Target, Picked>(
  place: Place<Target>,
  segments: readonly string[],
  pick: (entries: Entries<Target>) => Picked | undefined,
  at = 0,
): Picked | undefined {
  const segment = segments[at];
  if (segment === undefined) return pick(place.ends) ?? pick(place.rest);
  const literal = place.literals.get(segment);
  const one = segment === '' ? undefined : place.one;
  return (
    (literal && search(literal, segments, pick, at + 1)) ??
    (one && search(one, segments, pick, at + 1)) ??
    pick(place.rest)
  );
}

/** Verbs of all routes with that path. */
function verbsOf<Target>(root: Place<Target>, { segments, action }: Reading): Set<string> {
  const verbs = new Set<string>();
  search(root, segments, (entries) => {
    for (const key of entries.keys()) {
      const verb = key.slice(0, key.indexOf(':'));
      if (key === keyOf(verb, action)) verbs.add(verb);
    }
    return undefined;
  });
  return verbs;
}

function valuesOf({ template }: Entry<unknown>, { segments }: Reading): { field: string; text: string }[] {
  return template.variables.map(({ field, from, to }) => {
    const takesRest = template.segments[to - 1]?.kind === 'rest';
    return { field, text: segments.slice(from, takesRest ? undefined : to).join('/') };
  });
}
