/** What waits for the next transaction of the writer thread. */
import type { Order } from './messages.ts';

/** Bytes of batches in one transaction: about 10 ms of work, so a decision never waits longer for its turn. */
export const MAX_TRANSACTION_BYTES = 1024 * 1024;

/** Orders that wait. */
export interface Waiting {
  add(order: Order): void;
  /**
   * What goes into the next transaction, urgent orders first. At least one of
   * each kind, so that neither starves; otherwise no more bytes than allowed.
   */
  take(): Order[];
}

export function createWaiting(): Waiting {
  const urgent: Order[] = [];
  const normal: Order[] = [];
  return {
    add(order) {
      (order.urgent ? urgent : normal).push(order);
    },
    take() {
      let bytes = 0;
      const taken: Order[] = [];
      for (const orders of [urgent, normal]) {
        let count = 0;
        for (const order of orders) {
          if (count > 0 && bytes + order.bytes > MAX_TRANSACTION_BYTES) break;
          bytes += order.bytes;
          count++;
        }
        taken.push(...orders.splice(0, count));
      }
      return taken;
    },
  };
}
