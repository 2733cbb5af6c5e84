// Requests over REST that nobody should send: JSON with absurd values at any
// place, texts that are spoilt, paths and queries that mean something elsewhere.
import { contractRoutes, type Route } from '@armada-ts/api/routes';
import type { Random } from './random.ts';

export interface RestRequest {
  method: string;
  /** With a query at times. */
  path: string;
  body: Buffer | undefined;
}

/** Values that mean something else somewhere; as JSON spells them. */
const VALUES: readonly string[] = [
  'null',
  'true',
  '0',
  '-0',
  '-1',
  '1.5',
  '1e400',
  '-1e400',
  '1e-400',
  '9007199254740993',
  '9223372036854775808',
  '"9223372036854775808"',
  '"NaN"',
  '"-Infinity"',
  '"1e999"',
  '""',
  '" "',
  '"a:b"',
  '"../x"',
  '"__proto__"',
  '"constructor"',
  '"a\\u0000b"',
  '"\\ud800"',
  '"\\u202egnp.exe"',
  '"0001-01-01T00:00:00Z"',
  '"9999-99-99T99:99:99Z"',
  '{}',
  '[]',
  '[[]]',
  '{"__proto__":{"a":1}}',
  '{"a":1,"a":2}',
  '[null]',
  `"${'x'.repeat(5_000)}"`,
  `${'['.repeat(99)}${']'.repeat(99)}`,
  `${'['.repeat(5_000)}`,
  'NaN',
];

const NAMES: readonly string[] = [
  'known',
  'none',
  '%2e%2e',
  'a%2Fb',
  '%00',
  '%ff',
  '__proto__',
  'a:b',
  '%',
  'é',
];

/** A request of any route of the contract; some are sound. */
export function absurdRequest(random: Random, valid: unknown): RestRequest {
  const route: Route = random.pick(contractRoutes());
  const path = route.template.replaceAll(/\{[^}]*\}/g, () =>
    encodeURI(random.pick(NAMES)).replaceAll('%25', '%'),
  );
  const query = random.chance(0.3)
    ? `?${random.pick(['watch', 'queue=%ff', 'a.b.c=1', '__proto__=1', '=', '&&', 'num=1e9'])}`
    : '';
  const method = random.chance(0.95) ? route.verb : random.pick(['HEAD', 'OPTIONS', 'PATCH']);
  return {
    method,
    path: path + query,
    body: method === 'GET' || method === 'HEAD' ? undefined : absurdBody(random, valid),
  };
}

function absurdBody(random: Random, valid: unknown): Buffer {
  const text = Buffer.from(
    random.chance(0.8) ? spelled(valid, random, placesIn(valid)) : random.pick(VALUES),
  );
  if (random.chance(0.75)) return text;
  const at = random.below(text.length + 1);
  return random.pick([
    text.subarray(0, at),
    Buffer.concat([text.subarray(0, at), random.bytes(1 + random.below(4)), text.subarray(at)]),
    Buffer.concat([text, text]),
  ]);
}

/** The value with something absurd at one place of it. */
function spelled(value: unknown, random: Random, places: number): string {
  let left = random.below(places);
  const spell = (each: unknown): string => {
    if (left-- === 0) return random.pick(VALUES);
    if (Array.isArray(each)) return `[${each.map(spell).join()}]`;
    if (typeof each !== 'object' || each === null) return JSON.stringify(each);
    return `{${Object.entries(each)
      .map(([key, inner]) => `${JSON.stringify(key)}:${spell(inner)}`)
      .join()}}`;
  };
  return spell(value);
}

function placesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, each) => sum + placesIn(each), 1);
}
