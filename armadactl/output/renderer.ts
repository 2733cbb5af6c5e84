import { toJson, type JsonValue } from '@armada-ts/api/json';
import { nearNames } from '@armada-ts/api/json/near-names';
import { Failure } from '../failure.ts';
import { ExitCode } from '../exit-codes.ts';
import type { Form } from './form.ts';
import { JsonPathError } from './json-path-parser.ts';
import type { ToJson } from './view.ts';

/** Prints JSON values in one of the forms that programs read. */
export interface Renderer {
  /** A value that stands for itself. */
  whole(value: JsonValue): string;
  /** One of several that come one after the other. */
  next(value: JsonValue): string;
  toJson: ToJson;
}

/** Undefined for forms that are not made of JSON. Throws a usage failure for a template that cannot be read. */
export async function createRenderer(
  form: Form,
  notice: (text: string) => void,
): Promise<Renderer | undefined> {
  switch (form.kind) {
    case 'default':
    case 'table':
    case 'name':
      return undefined;
    case 'json':
      return {
        whole: (value) => `${JSON.stringify(value, undefined, 2)}\n`,
        next: (value) => `${JSON.stringify(value)}\n`,
        toJson,
      };
    case 'yaml':
      return createYamlRenderer();
    case 'jsonpath':
      return createTemplateRenderer(form.template, notice);
  }
}

async function createYamlRenderer(): Promise<Renderer> {
  const { stringify } = await import('yaml');
  let isFirst = true;
  const next = (value: JsonValue) => {
    const text = `${isFirst ? '' : '---\n'}${stringify(value)}`;
    isFirst = false;
    return text;
  };
  return { whole: next, next, toJson };
}

async function createTemplateRenderer(template: string, notice: (text: string) => void): Promise<Renderer> {
  const { compileTemplate } = await import('./json-path.ts');
  const told = new Set<string>();
  /** A field that is not set is left out of the JSON, so that only what looks like a slip is worth a word. */
  const onMissing = (name: string, known: readonly string[]) => {
    const [near] = nearNames(name, known);
    if (near === undefined || told.has(name)) return;
    told.add(name);
    notice(`note: nothing has the field "${name}"; did you mean "${near}"?`);
  };
  const fill = (value: JsonValue) => {
    const text = filled.fill(value, onMissing);
    return text === '' || text.endsWith('\n') ? text : `${text}\n`;
  };
  const filled = compiled(() => compileTemplate(template));
  return { whole: fill, next: fill, toJson };
}

function compiled<Result>(compile: () => Result): Result {
  try {
    return compile();
  } catch (cause) {
    if (!(cause instanceof JsonPathError)) throw cause;
    throw new Failure(ExitCode.usage, cause.message, {
      details: ["an example: -o jsonpath='{.items[*].jobId}'; docs/armadactl.md tells what is supported"],
      cause,
    });
  }
}
