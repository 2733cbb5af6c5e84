/** Who calls is found out before a packed message is unpacked. What comes plainly costs little more than to receive it. */
import type { Metadata } from '@grpc/grpc-js';
import type { Door } from '../door/call.ts';
import { knock, maxBytesOf } from '../door/knock.ts';
import { type Method, type Service, servedMethods } from '../door/method.ts';
import { type BegunCall, headersOf, incomingOf, knocked, wireError } from './handlers.ts';
import { isPacked, limitUnpacked } from './unpacking.ts';
import type { WireError } from './wire-error.ts';

/** How a call ends that goes no further. */
interface TurnedAway {
  headers: Metadata | undefined;
  status: WireError;
}

/** Undefined, now or later, for calls that may go on. */
export type Knock = (
  path: string,
  metadata: Metadata,
  call: Omit<BegunCall, 'metadata' | 'getPath'>,
) => Promise<TurnedAway | undefined> | undefined;

export function createKnock(door: Door, services: readonly Service[]): Knock {
  const methods = new Map<string, Method>(
    services.flatMap(servedMethods).map(({ definition, method }) => [definition.path, method]),
  );
  return (path, metadata, call) => {
    const method = methods.get(path);
    if (!method || !isPacked(call)) return undefined;
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
