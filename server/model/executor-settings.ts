/**
 * What operators set for executors and for their nodes, each under a name of its
 * own: the executor's, which for a node is followed by the node's. Neither can
 * hold a newline.
 */

/** An executor, or a node of it. */
export interface Place {
  executorId: string;
  /** Empty for the whole executor. */
  node: string;
}

/** The name under which the place's settings are kept. */
export function settingsName({ executorId, node }: Place): string {
  return node === '' ? executorId : `${executorId}\n${node}`;
}

/** The place whose settings have this name. */
export function placeOfSettings(name: string): Place {
  const [executorId = '', node = ''] = name.split('\n', 2);
  return { executorId, node };
}
