/**
 * Who calls is found out before a packed message is unpacked, and where no message
 * comes: calls that wait for theirs have room that others need. What comes plainly
 * and at once costs little more than to receive it.
 */
import type { Metadata, ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { Door } from '../door/call.ts';
import { arrivalMsOf, knock, maxBytesOf } from '../door/knock.ts';
import { type Method, type Service, servedMethods } from '../door/method.ts';
import { type BegunCall, headersOf, incomingOf, knocked, wireError } from './handlers.ts';
import { limitMessages } from './unpacking.ts';

/** A call before its first message, as interceptors have it. */
export type KnockingCall = Pick<
  ServerInterceptingCallInterface,
  'getPeer' | 'getAuthContext' | 'sendMetadata' | 'sendStatus'
>;

/** Asks of calls who makes them. */
export interface Knocking {
  /** Whether the call may go on; one that may not has been ended. Undefined where anyone may. */
  knock(path: string, metadata: Metadata, call: KnockingCall): Promise<boolean> | undefined;
  /**
   * Bounds the requests of a call that anyone may make, before any is read.
   * Tells how long one may take to arrive, in milliseconds, where others may take so long.
   */
  bound(path: string, call: KnockingCall, timeoutMs: number): number;
}

export function createKnocking(door: Door, services: readonly Service[]): Knocking {
  const methods = new Map<string, Method>(
    services.flatMap(servedMethods).map(({ definition, method }) => [definition.path, method]),
  );
  return {
    knock(path, metadata, call) {
      const method = methods.get(path);
      if (!method || method.need === 'anyone') return undefined;
      const begun: BegunCall = {
        metadata,
        getPath: () => path,
        getPeer: () => call.getPeer(),
        getAuthContext: () => call.getAuthContext(),
      };
      const incoming = incomingOf(door, begun, () => {});
      return knock(door, method, incoming).then(
        () => {
          knocked.set(metadata, { known: incoming.known, ...(incoming.reply && { reply: incoming.reply }) });
          return true;
        },
        (error: unknown) => {
          const headers = headersOf(door, incoming);
          if (headers) call.sendMetadata(headers);
          call.sendStatus(wireError(door, error, incoming));
          return false;
        },
      );
    },
    bound(path, call, timeoutMs) {
      const need = methods.get(path)?.need ?? 'anyone';
      if (need === 'anyone') limitMessages(call, (maxBytes) => maxBytesOf(need, maxBytes));
      return arrivalMsOf(need, timeoutMs);
    },
  };
}
