import type { ColorChoice, Form } from './form.ts';
import { oneLine } from './one-line.ts';
import type { Output } from './output.ts';
import { coloured, type Paint, plain } from './paint.ts';
import { createProgress } from './progress.ts';
import type { Renderer } from './renderer.ts';
import { createTerminal, type Sink } from './terminal.ts';
import type { View } from './view.ts';

export interface OutputSettings {
  form: Form;
  headers: boolean;
  color: ColorChoice;
}

export interface OutputDeps {
  stdout: Sink;
  stderr: Sink;
  environment: Readonly<Record<string, string | undefined>>;
  /** Known once the command line was read. */
  settings: () => OutputSettings;
}

/** Of every JSON value that stands for itself, so that programs can tell a later form. */
const API_VERSION = 'armadaproject.io/v1beta1';

export function createOutput(deps: OutputDeps): Output {
  const terminal = createTerminal(deps.stdout, deps.stderr);
  const { settings } = deps;
  const paint: Paint = (text, colour) => painter(deps, deps.stdout)(text, colour);
  const paintError: Paint = (text, colour) => painter(deps, deps.stderr)(text, colour);
  const notice = (text: string) => terminal.stderr(`${oneLine(text)}\n`);
  let renderer: Renderer | undefined;
  return {
    prepare: async () => {
      const { form } = settings();
      if (form.kind === 'default' || form.kind === 'table' || form.kind === 'name') return;
      const { createRenderer } = await import('./renderer.ts');
      renderer = await createRenderer(form, notice);
    },
    get isForPeople() {
      const { kind } = settings().form;
      return kind === 'default' || kind === 'table';
    },
    list: async (view, rows) => {
      const { form, headers } = settings();
      for await (const text of shownList(view, rows, {
        form,
        headers,
        renderer,
        paint,
        width: terminal.width,
      })) {
        await terminal.stdoutWhole(text);
      }
    },
    one: async (view, row) => {
      const { form, headers } = settings();
      const look = { form, headers, renderer, paint, width: terminal.width };
      for await (const text of shownOne(view, row, look)) await terminal.stdoutWhole(text);
    },
    fact: ({ name, line, json }) => {
      if (renderer) terminal.stdout(renderer.next(json(renderer.toJson)));
      else terminal.stdout(`${settings().form.kind === 'name' ? oneLine(name) : line(paint)}\n`);
    },
    value: (text) => terminal.stdout(`${text}\n`),
    bytes: (data) => terminal.stdoutWhole(data),
    notice,
    usage: (text) => terminal.stderr(`${text}\n`),
    error: (message, details) => {
      const lines = details.map((detail) => `  ${oneLine(detail)}`);
      terminal.stderr(`${[`${paintError('error:', 'red')} ${oneLine(message)}`, ...lines].join('\n')}\n`);
    },
    progress: (total) => createProgress(terminal, total),
  };
}

function painter({ settings, environment }: OutputDeps, { isTTY }: Sink): Paint {
  switch (settings().color) {
    case 'always':
      return coloured;
    case 'never':
      return plain;
    case 'auto':
      return isTTY && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb' ? coloured : plain;
  }
}

interface Look {
  form: Form;
  headers: boolean;
  renderer: Renderer | undefined;
  paint: Paint;
  width: number | undefined;
}

/** In the form for people, YAML documents are what a list of queues looks like; loaded when it comes to that. */
async function rendererFor<Row>(view: View<Row>, look: Look): Promise<Renderer | undefined> {
  if (look.form.kind !== 'default' || view.preferred !== 'yaml') return look.renderer;
  const { createRenderer } = await import('./renderer.ts');
  return createRenderer({ kind: 'yaml' }, () => {});
}

async function* shownList<Row>(view: View<Row>, rows: readonly Row[], look: Look): AsyncGenerator<string> {
  const renderer = await rendererFor(view, look);
  if (renderer && (look.form.kind === 'default' || look.form.kind === 'yaml')) {
    for (const row of rows) yield renderer.next(withKind(view.kind, view.json(row, renderer.toJson)));
  } else if (renderer) {
    const items = rows.map((row) => view.json(row, renderer.toJson));
    yield renderer.whole({ apiVersion: API_VERSION, kind: `${view.kind}List`, items });
  } else if (look.form.kind === 'name') {
    for (const row of rows) yield `${oneLine(view.name(row))}\n`;
  } else {
    const { tableLines } = await import('./table.ts');
    for (const line of tableLines(view.columns, rows, look)) yield `${line}\n`;
  }
}

async function* shownOne<Row>(view: View<Row>, row: Row, look: Look): AsyncGenerator<string> {
  const renderer = await rendererFor(view, look);
  if (renderer) yield renderer.whole(withKind(view.kind, view.json(row, renderer.toJson)));
  else if (look.form.kind === 'default' && view.lines) {
    yield `${view.lines(row, look.paint).join('\n')}\n`;
  } else yield* shownList(view, [row], look);
}

function withKind(kind: string, json: ReturnType<View<unknown>['json']>): ReturnType<View<unknown>['json']> {
  const fields = typeof json === 'object' && json !== null && !Array.isArray(json) ? json : {};
  return { apiVersion: API_VERSION, kind, ...fields };
}
