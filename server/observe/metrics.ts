/**
 * What this server tells Prometheus. Parts count in plain numbers as they go;
 * families are made of those only when somebody asks, so that a server that is
 * not scraped pays for nothing but the counting.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Durations } from '../base/durations.ts';
import type { Logger } from '../base/logger.ts';

export interface Sample {
  /** What follows the family's name: `_bucket`, `_sum` and `_count` of histograms. */
  suffix?: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** All samples of one name. */
export interface Family {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  samples: Sample[];
}

/** Asked at each scrape. One that fails is left out, and the others are told all the same. */
export type Source = () => Family[] | Promise<Family[]>;

export interface Metrics {
  add(source: Source): void;
  readonly contentType: string;
  /** Everything, in Prometheus' text format. */
  text(): Promise<string>;
}

export function createMetrics(logger: Logger): Metrics {
  const sources: Source[] = [];
  const familiesOf = async (source: Source): Promise<Family[]> => {
    try {
      return await source();
    } catch (error) {
      logger.warn({ err: error }, 'some metrics cannot be told now');
      return [];
    }
  };
  return {
    add(source) {
      sources.push(source);
    },
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    async text() {
      const families = await Promise.all([...sources, processMetrics].map(familiesOf));
      return families.flat().map(textOf).join('');
    },
  };
}

/** How often it is measured how late the event loop is: the library would do it every 10 ms, which wakes an idle server for nothing. */
const LOOP_EVERY_MS = 100;

let ofProcess: Registry | undefined;

/** Memory, time, open files and the like: of the process, so one for all servers in it, and not measured before it is asked for. */
async function processMetrics(): Promise<Family[]> {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess, eventLoopMonitoringPrecision: LOOP_EVERY_MS });
  }
  const all = (await ofProcess.getMetricsAsJSON()) as unknown as LibraryFamily[];
  return all.map(({ name, help, type, values = [] }) => ({
    name,
    help,
    type,
    // Of what was not measured yet nothing is told.
    samples: values
      .filter(({ value }) => !Number.isNaN(value))
      .map(({ labels, value, metricName = name }) => ({
        suffix: metricName.slice(name.length),
        labels: Object.fromEntries(Object.entries(labels).map(([key, text]) => [key, String(text)])),
        value,
      })),
  }));
}

/** As the library tells them, and not as its types do. */
interface LibraryFamily {
  name: string;
  help: string;
  type: Family['type'];
  values?: { labels: object; value: number; metricName?: string }[];
}

function textOf({ name, help, type, samples }: Family): string {
  const lines = samples.map(({ suffix = '', labels, value }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    return `${name}${suffix}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${numberText(value)}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

/** Names of queues and users are texts of strangers. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').toWellFormed();
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

/** The samples of one histogram, in whatever its bounds are in. */
export function histogramSamples(
  labels: Sample['labels'],
  bounds: readonly number[],
  { counts, sum }: Durations,
): Sample[] {
  const samples: Sample[] = [];
  let count = 0;
  for (let bucket = 0; bucket <= bounds.length; bucket++) {
    count += counts[bucket] ?? 0;
    const le = numberText(bounds[bucket] ?? Number.POSITIVE_INFINITY);
    samples.push({ suffix: '_bucket', labels: { ...labels, le }, value: count });
  }
  samples.push({ suffix: '_sum', labels, value: sum }, { suffix: '_count', labels, value: count });
  return samples;
}
