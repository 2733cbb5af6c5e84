/**
 * Who calls is found out before a packed message is unpacked, and where no message
 * comes: calls that wait for theirs have room that others need. What comes plainly
 * and at once costs little more than to receive it.
 */
import type { Metadata } from '@grpc/grpc-js';
import { ArmadaError } from '../base/errors.ts';
import type { Door } from '../door/call.ts';
import { knock, maxBytesOf } from '../door/knock.ts';
import { type Method, type Service, servedMethods } from '../door/method.ts';
import { type BegunCall, headersOf, incomingOf, knocked, wireError } from './handlers.ts';
import { isPacked, limitUnpacked } from './unpacking.ts';
import type { WireError } from './wire-error.ts';

/** How a call ends that goes no further. */
export interface TurnedAway {
  headers: Metadata | undefined;
  status: WireError;
}

/** Undefined, now or later, for calls that may go on. @param isLate no message has come for a while */
export type Knock = (
  path: string,
  metadata: Metadata,
  call: Omit<BegunCall, 'metadata' | 'getPath'>,
  isLate: boolean,
) => Promise<TurnedAway | undefined> | undefined;

export function createKnock(door: Door, services: readonly Service[]): Knock {
  const methods = new Map<string, Method>(
    services.flatMap(servedMethods).map(({ definition, method }) => [definition.path, method]),
  );
  return (path, metadata, call, isLate) => {
    const method = methods.get(path);
    if (!method || !(isLate || isPacked(call))) return undefined;
    if (knocked.has(metadata) && method.need !== 'anyone') return undefined;
    limitUnpacked(call, (maxBytes) => maxBytesOf(method.need, maxBytes));
    const begun: BegunCall = {
      metadata,
      getPath: () => path,
      getPeer: () => call.getPeer(),
      getAuthContext: () => call.getAuthContext(),
    };
    const incoming = incomingOf(door, begun, () => {});
    return knock(door, method, incoming).then(
      () => {
        if (isLate && method.need === 'anyone')
          return { headers: undefined, status: wireError(door, late(), incoming) };
        knocked.set(metadata, { known: incoming.known, ...(incoming.reply && { reply: incoming.reply }) });
        return undefined;
      },
      (error: unknown) => ({
        headers: headersOf(door, incoming),
        status: wireError(door, error, incoming),
      }),
    );
  };
}

/** Whoever need not say who they are has to say at once what they want. */
function late(): ArmadaError {
  return new ArmadaError('UNAVAILABLE', 'the request did not come; send it again', { retryAfterMs: 2_000 });
}
