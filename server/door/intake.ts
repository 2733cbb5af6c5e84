/**
 * Room for requests that are not there whole. They are held in memory until they
 * are, whoever sent them, and admission counts calls of most ranks and not their
 * bytes: a thousand calls of one connection could hold gigabytes before anybody
 * has asked who is calling.
 *
 * As in admission one connection may have as much as is still free, so that there
 * is always something left for whoever comes next.
 */

/** Of all connections together. */
const MAX_BYTES = 64 * 1024 * 1024;

/** A request that arrives. */
export interface Arriving {
  /** So much more of it is there. False when there is no room for it: the call is to be ended. */
  add(bytes: number): boolean;
  /** Nothing of it is held any more; may be told twice. */
  over(): void;
}

export interface Intake {
  /** @param connection tells connections apart */
  begin(connection: object): Arriving;
}

export function createIntake(maxBytes = MAX_BYTES): Intake {
  let held = 0;
  const heldBy = new WeakMap<object, number>();
  return {
    begin(connection) {
      let own = 0;
      return {
        add(bytes) {
          const before = heldBy.get(connection) ?? 0;
          if (before + bytes > maxBytes - held) return false;
          own += bytes;
          held += bytes;
          heldBy.set(connection, before + bytes);
          return true;
        },
        over() {
          if (own === 0) return;
          held -= own;
          heldBy.set(connection, (heldBy.get(connection) ?? 0) - own);
          own = 0;
        },
      };
    },
  };
}
