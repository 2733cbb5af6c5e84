import { parseTemplate, type Comparison, type Operand, type Part, type Step } from './json-path-parser.ts';

/** A template of kubectl's JSONPath, ready to be filled in. */
export interface Template {
  /** `onMissing` hears of fields that an object does not have, with the names it does have. */
  fill(root: unknown, onMissing: (name: string, known: readonly string[]) => void): string;
}

/** Throws JsonPathError for what cannot be read. */
export function compileTemplate(text: string): Template {
  const parts = parseTemplate(text);
  return { fill: (root, onMissing) => fillParts(parts, { root, current: root, onMissing }) };
}

interface Scope {
  root: unknown;
  /** What `@` and paths without a beginning mean. */
  current: unknown;
  onMissing: (name: string, known: readonly string[]) => void;
}

function fillParts(parts: readonly Part[], scope: Scope): string {
  return parts.map((part) => fillPart(part, scope)).join('');
}

function fillPart(part: Part, scope: Scope): string {
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'path':
      return walk(part.path, scope).map(shown).join(' ');
    case 'range':
      return walk(part.path, scope)
        .map((current) => fillParts(part.body, { ...scope, current }))
        .join('');
  }
}

/** Texts bare, everything else as JSON. */
function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function walk({ fromRoot, steps }: Operand & { kind: 'path' }, scope: Scope): unknown[] {
  let values: unknown[] = [fromRoot ? scope.root : scope.current];
  for (const step of steps) values = values.flatMap((value) => take(step, value, scope));
  return values;
}

function take(step: Step, value: unknown, scope: Scope): unknown[] {
  switch (step.kind) {
    case 'fields':
      return step.names.flatMap((name) => field(value, name, scope));
    case 'descend':
      return [...descendants(value)];
    case 'all':
      return children(value);
    case 'index':
      return Array.isArray(value)
        ? value.slice(step.index, step.index === -1 ? undefined : step.index + 1)
        : [];
    case 'slice':
      return Array.isArray(value)
        ? value.slice(step.from, step.to).filter((_, place) => place % step.step === 0)
        : [];
    case 'filter':
      return children(value).filter((child) => holds(step.comparison, { ...scope, current: child }));
  }
}

function field(value: unknown, name: string, scope: Scope): unknown[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  if (Object.hasOwn(value, name)) return [(value as Readonly<Record<string, unknown>>)[name]];
  scope.onMissing(name, Object.keys(value));
  return [];
}

function children(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value);
}

function* descendants(value: unknown): Generator<unknown> {
  yield value;
  for (const child of children(value)) if (typeof child === 'object') yield* descendants(child);
}

/** Looking is not asking: a filter may name fields that only some objects have. */
function holds({ left, operator, right }: Comparison, scope: Scope): boolean {
  const quiet = { ...scope, onMissing: () => {} };
  const [one] = operand(left, quiet);
  if (operator === undefined || right === undefined) return one !== undefined;
  const [other] = operand(right, quiet);
  switch (operator) {
    case '==':
      return one === other;
    case '!=':
      return one !== other;
    case '<':
    case '<=':
    case '>':
    case '>=':
      return ordered(one, operator, other);
  }
}

function operand(value: Operand, scope: Scope): unknown[] {
  return value.kind === 'path' ? walk(value, scope) : [value.value];
}

/** Only numbers with numbers and texts with texts. */
function ordered(one: unknown, operator: '<' | '<=' | '>' | '>=', other: unknown): boolean {
  const areNumbers = typeof one === 'number' && typeof other === 'number';
  const areTexts = typeof one === 'string' && typeof other === 'string';
  if (!areNumbers && !areTexts) return false;
  if (one === other) return operator === '<=' || operator === '>=';
  return one < other ? operator.startsWith('<') : operator.startsWith('>');
}
