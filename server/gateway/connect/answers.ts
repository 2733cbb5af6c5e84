import type { Outgoing } from '../../door/sender.ts';

/**
 * What a stream sends, to be taken one by one. An item counts as on its way when
 * the next one is asked for. Throws what the stream ends with; whoever stops
 * taking sees to it that the stream ends.
 */
export async function* answersOf(stream: (to: Outgoing<unknown>) => Promise<void>): AsyncGenerator<unknown> {
  const waiting: { item: unknown; sent: () => void }[] = [];
  let wake = (): void => {};
  let writableEnded = false;
  let failure: { error: unknown } | undefined;
  const over = (): void => {
    writableEnded = true;
    wake();
  };
  const to: Outgoing<unknown> = {
    get writableEnded() {
      return writableEnded;
    },
    write(item, sent) {
      waiting.push({ item, sent });
      wake();
    },
  };
  stream(to).then(over, (error: unknown) => {
    failure = { error };
    over();
  });
  try {
    for (;;) {
      const next = waiting.shift();
      if (next) {
        yield next.item;
        next.sent();
      } else if (failure) {
        throw failure.error;
      } else if (writableEnded) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    writableEnded = true;
  }
}
