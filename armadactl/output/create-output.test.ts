import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createOutput, type OutputSettings } from './create-output.ts';
import type { Sink } from './terminal.ts';
import type { Fact, View } from './view.ts';

interface Thing {
  name: string;
  state: string;
}

const view: View<Thing> = {
  kind: 'Thing',
  name: ({ name }) => name,
  json: ({ name, state }) => ({ name, state }),
  preferred: 'table',
  columns: [
    { title: 'NAME', cell: ({ name }) => name },
    { title: 'STATE', cell: ({ state }) => state, colour: () => 'green' },
  ],
};
const things: Thing[] = [
  { name: 'a', state: 'well' },
  { name: 'b\u001b[2J', state: 'ill' },
];
const fact: Fact = {
  name: 'a',
  line: (paint) => `did ${paint('a', 'red')}`,
  json: () => ({ action: 'did', name: 'a' }),
};

/** An output into memory. */
function memory(
  settings: Partial<OutputSettings>,
  more: { isTTY?: boolean; environment?: Record<string, string> } = {},
) {
  const sink = (): Sink => Object.assign(new PassThrough(), { isTTY: more.isTTY ?? false, columns: 60 });
  const stdout = sink();
  const stderr = sink();
  const whole: OutputSettings = { form: { kind: 'default' }, headers: true, color: 'auto', ...settings };
  const environment = more.environment ?? {};
  const output = createOutput({ stdout, stderr, environment, settings: () => whole });
  const text = (stream: Sink) => String((stream as unknown as PassThrough).read() ?? '');
  return { output, out: () => text(stdout), err: () => text(stderr) };
}

async function shown(form: OutputSettings['form']): Promise<[list: string, one: string, facts: string]> {
  const { output, out } = memory({ form });
  await output.prepare();
  await output.list(view, things);
  const list = out();
  await output.one(view, things[0]!);
  const one = out();
  output.fact(fact);
  output.fact(fact);
  return [list, one, out()];
}

test('each form shows lists, single things and what happens', async () => {
  assert.deepEqual(await shown({ kind: 'default' }), [
    'NAME   STATE\na      well\nb [2J  ill\n',
    'NAME  STATE\na     well\n',
    'did a\ndid a\n',
  ]);
  assert.deepEqual(await shown({ kind: 'name' }), ['a\nb [2J\n', 'a\n', 'a\na\n']);
  const [list, one, facts] = await shown({ kind: 'json' });
  const version = 'armadaproject.io/v1beta1';
  assert.deepEqual(JSON.parse(list), { apiVersion: version, kind: 'ThingList', items: things });
  assert.deepEqual(JSON.parse(one), { apiVersion: version, kind: 'Thing', ...things[0] });
  assert.equal(facts, '{"action":"did","name":"a"}\n{"action":"did","name":"a"}\n');
  const yaml = await shown({ kind: 'yaml' });
  assert.match(yaml[0], /^apiVersion: .*\nkind: Thing\nname: a\nstate: well\n---\napiVersion/);
  assert.deepEqual(
    await shown({ kind: 'jsonpath', template: '{.items[*].name}{.name}' }).then(([, , each]) => each),
    'a\na\n',
  );
});

test('colours are for terminals, unless somebody wants them elsewhere or nowhere', async () => {
  const isColoured = (color: OutputSettings['color'], more: Parameters<typeof memory>[1]) => {
    const { output, out } = memory({ color }, more);
    output.fact(fact);
    return out().includes('\u001b[31m');
  };
  assert.deepEqual(
    [
      isColoured('auto', { isTTY: true }),
      isColoured('auto', { isTTY: false }),
      isColoured('auto', { isTTY: true, environment: { NO_COLOR: '1' } }),
      isColoured('auto', { isTTY: true, environment: { TERM: 'dumb' } }),
      isColoured('never', { isTTY: true }),
      isColoured('always', { isTTY: false, environment: { NO_COLOR: '1' } }),
    ],
    [true, false, false, false, false, true],
  );
});

test('a progress bar gives way to what is printed, and leaves nothing behind', async () => {
  const { output, err } = memory({}, { isTTY: true });
  const progress = output.progress(4);
  progress.update(1, 'early');
  assert.equal(err(), '', 'what is over in a moment needs no bar');
  await sleep(350);
  progress.update(2, 'half');
  assert.equal(err(), `\r\u001b[K${'█'.repeat(12)}${'░'.repeat(12)} 2/4  half`);
  output.notice('by the way');
  const bar = `${'█'.repeat(12)}${'░'.repeat(12)} 2/4  half`;
  assert.equal(err(), `\r\u001b[Kby the way\n${bar}`);
  progress.end();
  assert.equal(err(), '\r\u001b[K');
  const plain = memory({});
  plain.output.progress(4).update(2, 'half');
  assert.equal(plain.err(), '');
});
