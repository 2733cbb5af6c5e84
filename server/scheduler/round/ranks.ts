/**
 * Ranks: a number for each node that rises with its key, so that comparing two
 * nodes never compares texts. A new key gets a number between its neighbours';
 * when there is none left, all are numbered anew, which keeps every order as
 * it is.
 */
interface Ranked {
  readonly ranked: string[];
  readonly byKey: ReadonlyMap<string, number>;
  rank: Float64Array;
}

export function placeInOrder(nodes: Ranked, key: string, node: number): void {
  const { ranked } = nodes;
  const at = firstNotBelow(ranked, key);
  ranked.splice(at, 0, key);
  const before = at === 0 ? 0 : rankOf(nodes, ranked[at - 1]);
  const after = at + 1 === ranked.length ? before + 2 : rankOf(nodes, ranked[at + 1]);
  const between = (before + after) / 2;
  nodes.rank[node] = between;
  if (between <= before || between >= after) {
    for (const [index, known] of ranked.entries()) nodes.rank[nodes.byKey.get(known) ?? -1] = index + 1;
  }
}

function rankOf(nodes: Ranked, key: string | undefined): number {
  return nodes.rank[nodes.byKey.get(key ?? '') ?? -1] ?? 0;
}

/** Position of the first key that is not below `key`. */
export function firstNotBelow(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
