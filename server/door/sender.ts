/**
 * Sending on a stream no faster than the client takes it. What has been handed
 * to the library and is not on its way counts as unsent; beyond a few messages
 * the sender waits, and a client that takes nothing for long is cut off.
 */
import { ArmadaError } from '../base/errors.ts';

/** The part of a call that messages are written to. */
export interface Outgoing<Message> {
  readonly writableEnded: boolean;
  write(message: Message, sent: () => void): unknown;
}

export interface SenderSettings {
  /** Aborts when nobody is there any more. */
  signal: AbortSignal;
  /** How long the client may take nothing; 30 s when left out. */
  slowClientMs: number | undefined;
  /** Messages that may be unsent when the sender goes on. */
  maxUnsent: number;
}

export interface Sender<Message> extends Disposable {
  /** Resolves when there is room for more, or nobody left to send to. Throws WATCH_BEHIND. */
  send(message: Message): Promise<void>;
}

/** For small messages. */
export const MAX_UNSENT = 16;

/** How long a client may take nothing where nothing else is said, of a stream or of one answer. */
export const SLOW_CLIENT_MS = 30_000;

export function createSender<Message>(call: Outgoing<Message>, settings: SenderSettings): Sender<Message> {
  const { signal, slowClientMs: slowMs = SLOW_CLIENT_MS, maxUnsent } = settings;
  let unsent = 0;
  let waiting: PromiseWithResolvers<void> | undefined;
  // One timer and one listener for the whole stream: making them anew for each message would cost more than sending it.
  let timer: NodeJS.Timeout | undefined;
  const goOn = (): void => {
    waiting?.resolve();
    waiting = undefined;
  };
  const cutOff = (): void => {
    const text = `the client took nothing for ${slowMs / 1000} s; go on from the last message received`;
    waiting?.reject(new ArmadaError('WATCH_BEHIND', text));
    waiting = undefined;
  };
  const sent = (): void => {
    unsent--;
    if (unsent < maxUnsent) goOn();
    else timer?.refresh();
  };
  signal.addEventListener('abort', goOn);
  return {
    async send(message) {
      if (signal.aborted || call.writableEnded) return;
      unsent++;
      call.write(message, sent);
      if (unsent < maxUnsent) return;
      if (timer) timer.refresh();
      else timer = setTimeout(cutOff, slowMs);
      waiting ??= Promise.withResolvers();
      await waiting.promise;
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener('abort', goOn);
    },
  };
}
