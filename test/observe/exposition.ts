// Reads Prometheus' text format strictly: what a scraper might let pass is a fault here.
export interface Family {
  name: string;
  type: string;
  samples: { name: string; labels: Readonly<Record<string, string>>; value: number }[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/;
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];

/** All families by name. Throws at the first thing that is not as it should be. */
export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let current: Family | undefined;
  let help = '';
  if (!text.endsWith('\n')) throw new Error('the last line is not ended');
  for (const [number, line] of text.slice(0, -1).split('\n').entries()) {
    const fault = (what: string): Error => new Error(`line ${number + 1}: ${what}: ${line}`);
    if (line === '') continue;
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      if (!NAME.test(name) || families.has(name)) throw fault('a second family of that name, or none');
      help = name;
    } else if (kind === 'TYPE') {
      if (help !== name) throw fault('a type without help');
      if (!TYPES.includes(rest)) throw fault('an unknown type');
      families.set(name, (current = { name, type: rest, samples: [] }));
    } else {
      const found = SAMPLE.exec(line);
      if (!found || !current) throw fault('no sample');
      const [, full = '', labels = '', value = ''] = found;
      if (!belongs(full, current)) throw fault(`not of ${current.name}`);
      current.samples.push({ name: full, labels: labelsIn(labels, fault), value: numberIn(value, fault) });
    }
  }
  for (const family of families.values()) checkFamily(family);
  return families;
}

function belongs(name: string, { name: family, type }: Family): boolean {
  if (type === 'histogram') return ['_bucket', '_sum', '_count'].some((end) => name === family + end);
  if (type === 'summary') return ['', '_sum', '_count'].some((end) => name === family + end);
  return name === family;
}

function labelsIn(text: string, fault: (what: string) => Error): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const found = LABEL.exec(rest);
    const [all = '', name = '', value = ''] = found ?? [];
    if (!found || name in labels) throw fault('labels that are none');
    labels[name] = value.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    rest = rest.slice(all.length);
  }
  return labels;
}

function numberIn(text: string, fault: (what: string) => Error): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  if (!/^-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) throw fault('no number');
  return Number(text);
}

function checkFamily({ name, type, samples }: Family): void {
  const seen = new Set<string>();
  for (const sample of samples) {
    const pairs = Object.entries(sample.labels).map((pair) => JSON.stringify(pair));
    const key = `${sample.name} ${pairs.toSorted().join()}`;
    if (seen.has(key)) throw new Error(`${key} is told twice`);
    seen.add(key);
    if (type === 'counter' && sample.value < 0) throw new Error(`the counter ${key} is below 0`);
  }
  if (type === 'histogram') checkHistogram(name, samples);
}

/** Buckets rise, and the last holds all. */
function checkHistogram(name: string, samples: Family['samples']): void {
  const series = new Map<string, { le: number; last: number }>();
  for (const { name: full, labels, value } of samples) {
    const { le, ...rest } = labels;
    const key = JSON.stringify(rest);
    if (full === `${name}_bucket`) {
      const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
      const before = series.get(key) ?? { le: Number.NEGATIVE_INFINITY, last: 0 };
      if (!(bound > before.le) || value < before.last) throw new Error(`buckets of ${name} do not rise`);
      series.set(key, { le: bound, last: value });
    } else if (full === `${name}_count`) {
      const { le: bound, last } = series.get(key) ?? { le: 0, last: 0 };
      if (bound !== Number.POSITIVE_INFINITY || last !== value) throw new Error(`${name} does not add up`);
    }
  }
}
