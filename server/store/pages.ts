/** What one page holds at most; a page of one thing may be larger. */
export interface PageLimits {
  count: number;
  bytes: number;
}

/** Gathers a row of things into pages of bounded size. @param groupOf things next to each other with the same group stay together */
export function* inPages<Value>(
  values: Iterable<Value>,
  { count, bytes }: PageLimits,
  { sizeOf, groupOf }: { sizeOf: (value: Value) => number; groupOf?: (value: Value) => string },
): Generator<Value[], void, undefined> {
  let page: Value[] = [];
  let pageBytes = 0;
  let group: string | undefined;
  for (const value of values) {
    const next = groupOf?.(value);
    const isFull = page.length >= count || pageBytes >= bytes;
    if (isFull && (next === undefined || next !== group)) {
      yield page;
      page = [];
      pageBytes = 0;
    }
    page.push(value);
    pageBytes += sizeOf(value);
    group = next;
  }
  if (page.length > 0) yield page;
}
