import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTemplate } from './json-path.ts';

const LIST = {
  kind: 'JobList',
  items: [
    { jobId: 'a', state: 'FAILED', exitCode: 3, labels: { 'example.com/team': 'red' } },
    { jobId: 'b', state: 'QUEUED', ports: [80, 443] },
    { jobId: 'c', state: 'FAILED', exitCode: 1 },
  ],
};

function fill(template: string): string {
  return compileTemplate(template).fill(LIST, () => {});
}

test('templates name fields, places, ranges and all', () => {
  const cases: [string, string][] = [
    ['{.kind}', 'JobList'],
    ['.items[0].jobId', 'a'],
    ['items[1].jobId', 'b'],
    ["{$['kind']}", 'JobList'],
    ['{.items[*].jobId}', 'a b c'],
    ['{.items[-1].jobId}', 'c'],
    ['{.items[0:2].jobId}', 'a b'],
    ['{.items[::2].jobId}', 'a c'],
    ['{.items[1].ports}', '[80,443]'],
    ['{.items[1].ports.*}', '80 443'],
    ['{.items[0].labels.example\\.com/team}', 'red'],
    ['{.items[0].labels["example.com/team"]}', 'red'],
    ["{.items[0]['jobId','state']}", 'a FAILED'],
    ['{..jobId}', 'a b c'],
    ['jobs: {.items[*].exitCode}!', 'jobs: 3 1!'],
    ['{.items[9].jobId}{.nothing}', ''],
  ];
  for (const [template, expected] of cases) assert.equal(fill(template), expected, template);
});

test('templates filter by one comparison, several in a row being "and"', () => {
  const cases: [string, string][] = [
    ['{.items[?(@.state=="FAILED")].jobId}', 'a c'],
    ["{.items[?(@.state != 'FAILED')].jobId}", 'b'],
    ['{.items[?(@.exitCode>=2)].jobId}', 'a'],
    ['{.items[?(@.exitCode)].jobId}', 'a c'],
    ['{.items[?(@.ports[0]==80)].jobId}', 'b'],
    ['{.items[?(@.state<1)].jobId}', ''],
  ];
  for (const [template, expected] of cases) assert.equal(fill(template), expected, template);
});

test('{range} repeats its body with @ for each, and $ stays the whole', () => {
  assert.equal(
    fill('{range .items[*]}{.jobId}{"\\t"}{@.state}{"\\n"}{end}'),
    'a\tFAILED\nb\tQUEUED\nc\tFAILED\n',
  );
  assert.equal(fill('{range .items[0:2]}{$.kind}-{.jobId} {end}'), 'JobList-a JobList-b ');
});

test('what cannot be read is refused with its place, and what is missing is told with near names', () => {
  const cases: [string, RegExp][] = [
    ['{.items[*', /expected "\]", at the end/],
    ['{.items[x]}', /expected a number, a range, \*, a name in quotes or a filter/],
    ['{.items[?(@.a=="b" && @.c)]}', /one comparison; put two filters/],
    ['{.items[?(@.a=~"b")]}', /patterns are not supported/],
    ['{range .items[*]}x', /\{range\} needs an \{end\}/],
    ['{end}', /\{end\} without \{range\}/],
    ['{.items.length()}', /functions such as length\(\) are not supported/],
    ['{.kind', /expected "\}", at the end/],
  ];
  for (const [template, expected] of cases) {
    assert.throws(() => fill(template), { name: 'JsonPathError', message: expected }, template);
  }
  const missing: [string, readonly string[]][] = [];
  compileTemplate('{.kinds}').fill(LIST, (name, known) => missing.push([name, known]));
  assert.deepEqual(missing, [['kinds', ['kind', 'items']]]);
});
