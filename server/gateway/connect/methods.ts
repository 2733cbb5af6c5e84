/**
 * Methods of a service as the Connect library wants them, on its messages. The
 * library has types of its own for all messages, and the services have theirs:
 * what they say to each other goes by way of the wire.
 */
import { type DescMethod, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import type { ConnectRouter, HandlerContext, MethodImpl } from '@connectrpc/connect';
import { ArmadaError, UndecodableError } from '../../base/errors.ts';
import { overloaded } from '../../door/admission.ts';
import { answerHeaders, callUnary, type Door, type Incoming, sendStream } from '../../door/call.ts';
import { knock } from '../../door/knock.ts';
import type { Method, ServedMethod, ServerStreamMethod, UnaryMethod } from '../../door/method.ts';
import { answersOf } from './answers.ts';
import { type Pieces, standIn } from './pieces.ts';
import { connectError } from './refusal.ts';
import { incomingOf, visits } from './context.ts';

/** Lets a call in, or refuses it, before its request is read; and says what goes ahead of every answer. */
export function gateOf(door: Door, method: Method): (context: HandlerContext) => void {
  return (context) => {
    reuseReason(context);
    const incoming = incomingOf(door, pathOf(context.method), context);
    for (const [name, value] of Object.entries(answerHeaders(door, incoming) ?? {})) {
      context.responseHeader.set(name, value);
    }
    const visit = visits.of(context);
    const refused = visit.enter();
    if (refused) throw connectError(door, overloaded(refused), incoming);
    visit.knock = () =>
      knock(door, method, incoming).catch((error: unknown) => {
        throw connectError(door, error, incoming);
      });
  };
}

/** What the library ends all calls with, in the end. */
const OVER = new Error('the call is over');

/** Left to itself it would make an exception with a stack for each call, a tenth of what a call costs. */
function reuseReason(context: HandlerContext & { abort?: (reason?: unknown) => void }): void {
  const { abort } = context;
  if (abort) context.abort = (reason = OVER) => abort(reason);
}

export function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}

/** Streams both ways are for programs, which speak gRPC: they are not served here. */
export function addMethod(
  router: ConnectRouter,
  door: Door,
  { definition, method }: ServedMethod,
  described: DescMethod,
): void {
  const codec = codecOf(definition, described);
  if (method.kind === 'unary') {
    router.rpc(described, unaryOf(door, method, codec) as MethodImpl<DescMethod>);
  } else if (method.kind === 'serverStream') {
    router.rpc(described, streamOf(door, method, codec) as MethodImpl<DescMethod>);
  }
}

interface Codec {
  path: string;
  /** The bytes of a request, and what the service makes of them. Throws UndecodableError. */
  bytesOf(message: Message): Buffer;
  requestOf(bytes: Buffer): unknown;
  messageOf(answer: unknown): Message;
  /** What stands for many messages, which are put aside. */
  standIn(piece: Buffer, aside: Pieces): Message;
}

function codecOf(definition: ServedMethod['definition'], { input, output }: DescMethod): Codec {
  return {
    path: definition.path,
    bytesOf(message) {
      const { buffer, byteOffset, byteLength } = toBinary(input, message);
      return Buffer.from(buffer, byteOffset, byteLength);
    },
    requestOf(bytes) {
      try {
        return definition.requestDeserialize(bytes);
      } catch (error) {
        throw new UndecodableError(error instanceof Error ? error.message : String(error));
      }
    },
    messageOf: (answer) => fromBinary(output, definition.responseSerialize(answer)),
    standIn: (piece, aside) => standIn(piece, output, aside),
  };
}

function unaryOf(door: Door, method: UnaryMethod, codec: Codec) {
  return async (message: Message, context: HandlerContext): Promise<Message> => {
    const visit = visits.of(context);
    const incoming = incomingOf(door, codec.path, context);
    try {
      const bytes = codec.bytesOf(message);
      const request = codec.requestOf(bytes);
      // From here on the call counts as under way until its work is done, so nothing may fail before that begins.
      visit.arrived(bytes.length);
      const work = callUnary(door, method, incoming, request).finally(() => visit.answered());
      const answer = codec.messageOf(await orAborted(work, context.signal));
      addReply(incoming, context);
      return answer;
    } catch (error) {
      throw context.signal.aborted ? context.signal.reason : connectError(door, error, incoming);
    }
  };
}

function streamOf(door: Door, method: ServerStreamMethod, codec: Codec) {
  return async function* (message: Message, context: HandlerContext): AsyncGenerator<Message> {
    const visit = visits.of(context);
    const incoming = incomingOf(door, codec.path, context);
    try {
      const bytes = codec.bytesOf(message);
      const request = codec.requestOf(bytes);
      visit.arrived(bytes.length);
      const answers = answersOf((to) =>
        sendStream(door, method, incoming, { request, to }).catch((error: unknown) => {
          if (isSlowClient(error)) visit.cutOff();
          throw error;
        }),
      );
      for await (const answer of answers) {
        addReply(incoming, context);
        yield Buffer.isBuffer(answer) ? codec.standIn(answer, visit.pieces) : codec.messageOf(answer);
      }
    } catch (error) {
      throw connectError(door, error, incoming);
    }
    // To the door a deadline is a client that goes, which ends a stream without a word.
    if (context.signal.aborted) throw context.signal.reason;
  };
}

/** What the scheme of the caller has to say back goes ahead of the answer. */
function addReply({ reply }: Incoming, { responseHeader }: HandlerContext): void {
  if (reply !== undefined) responseHeader.set('www-authenticate', reply);
}

/** It would not take what tells it so. */
function isSlowClient(error: unknown): boolean {
  return error instanceof ArmadaError && error.code === 'WATCH_BEHIND';
}

/** The outcome of the work, unless the caller goes or its deadline comes first; the work goes on then. */
function orAborted<Outcome>(work: Promise<Outcome>, signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
