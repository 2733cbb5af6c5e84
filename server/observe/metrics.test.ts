import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../base/logger.ts';
import { createMetrics, type Family, histogramSamples } from './metrics.ts';

/** What is told of these families, without what is told of the process. */
async function textOf(...families: Family[]): Promise<string> {
  const metrics = createMetrics(silentLogger);
  metrics.add(() => families);
  const text = await metrics.text();
  return text.slice(0, text.indexOf('# HELP process_cpu_user_seconds_total'));
}

test('names that strangers chose cannot break out of their label', async () => {
  const labels = { queue: 'a"} 1\nb\\', other: '\ud800' };
  const text = await textOf({ name: 'x', help: 'X.', type: 'gauge', samples: [{ labels, value: 1 }] });
  assert.equal(text, '# HELP x X.\n# TYPE x gauge\nx{queue="a\\"} 1\\nb\\\\",other="\ufffd"} 1\n');
});

test('a histogram is told by what is at most as large', async () => {
  const samples = histogramSamples({ a: 'b' }, [1, 2.5], { counts: Float64Array.of(3, 0, 4), sum: 100 });
  const text = await textOf({ name: 'h', help: 'H.', type: 'histogram', samples });
  assert.deepEqual(text.trimEnd().split('\n').slice(2), [
    'h_bucket{a="b",le="1"} 3',
    'h_bucket{a="b",le="2.5"} 3',
    'h_bucket{a="b",le="+Inf"} 7',
    'h_sum{a="b"} 100',
    'h_count{a="b"} 7',
  ]);
});

test('a source that fails is left out, and the others are told', async () => {
  const metrics = createMetrics(silentLogger);
  metrics.add(() => Promise.reject(new Error('the thread is gone')));
  metrics.add(() => [{ name: 'x', help: 'X.', type: 'gauge', samples: [{ labels: {}, value: 7 }] }]);
  const text = await metrics.text();
  assert.match(text, /^# HELP x X\.\n# TYPE x gauge\nx 7\n/);
  assert.match(text, /\nprocess_resident_memory_bytes \d+/);
});

test('what was not measured yet is not told as a number', async () => {
  assert.doesNotMatch(await createMetrics(silentLogger).text(), / NaN\n/i);
});
