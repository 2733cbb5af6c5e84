/**
 * Path templates as google/api/http.proto defines them: `/v1/queue/{name}`,
 * `/v1/{name=shelves/*}:merge`, `/files/{path=**}`.
 */

/** What one segment of a path must be. */
export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  /** Any one. */
  | { readonly kind: 'one' }
  /** All that follow, and be it none. */
  | { readonly kind: 'rest' };

/** A request field that is taken from the path. */
export interface Variable {
  /** Proto names, joined by dots. */
  readonly field: string;
  /** Its segments: the first, and the one after the last. */
  readonly from: number;
  readonly to: number;
}

export interface Template {
  readonly segments: readonly Segment[];
  readonly variables: readonly Variable[];
  /** What stands after a colon at the end; '' for nothing. */
  readonly action: string;
}

/** Throws TypeError for text that is no template: they are in our own protos. */
export function parseTemplate(text: string): Template {
  const [, path = '', action = ''] = /^\/(.+?)(?::([^/{}]+))?$/.exec(text) ?? [];
  const segments: Segment[] = [];
  const variables: Variable[] = [];
  for (const part of path.split(/\/(?![^{]*\})/)) {
    const [, field, inner = '*'] = /^\{([\w.]+)(?:=([^{}]+))?\}$/.exec(part) ?? [];
    const from = segments.length;
    for (const each of (field === undefined ? part : inner).split('/')) segments.push(segmentOf(each, text));
    if (field !== undefined) variables.push({ field, from, to: segments.length });
  }
  const rest = segments.findIndex(({ kind }) => kind === 'rest');
  if (rest !== -1 && (rest !== segments.length - 1 || action !== '')) {
    throw new TypeError(`${text}: ** must be last`);
  }
  return { segments, variables, action };
}

function segmentOf(part: string, template: string): Segment {
  if (part === '*') return { kind: 'one' };
  if (part === '**') return { kind: 'rest' };
  if (!/^[^*{}=]+$/.test(part)) throw new TypeError(`${template} is no path template`);
  return { kind: 'literal', text: part };
}
