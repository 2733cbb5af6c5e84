/**
 * The audit log's part in every call: who did what to what, from where, and
 * whether they were let. It is told by the door, as whoever counts calls is.
 */
import { status } from '@grpc/grpc-js';
import type { Principal } from '../auth/principal.ts';
import type { Clock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import type { Incoming } from '../door/call.ts';
import { type CallObserver, endOf } from '../door/observer.ts';
import type { AuditFile } from './audit-file.ts';
import { objectOf, shortened } from './audit-object.ts';
import type { AuditConfig } from './config.ts';
import { createRefusedStrangers } from './refused-strangers.ts';

export interface AuditDeps {
  file: AuditFile;
  clock: Clock;
}

/**
 * Calls that change nothing, and what executors of the older protocol ask and say
 * every second, which is in the events of jobs. What is not known counts as a change.
 */
const ROUTINE =
  /\/(?:Get(?!Token$)\w+|List\w*|Describe\w+|Read\w+|Watch|Health|Check|Logs|Overview|ServerReflectionInfo|LeaseJobRuns|ReportEvents|metrics|health)$/;

const REFUSALS: ReadonlySet<status> = new Set([status.UNAUTHENTICATED, status.PERMISSION_DENIED]);

/** Schemes by the words that clients send; anything else could be a secret in the wrong place. */
const SCHEME_WORDS = new Set(['basic', 'bearer', 'negotiate', 'kubernetesauth']);

/** The observer, with all that it is told of recorded too; disposing it records what was only counted so far. */
export function withAudit(
  inner: CallObserver,
  config: AuditConfig,
  { file, clock }: AuditDeps,
): CallObserver & Disposable {
  const strangers = createRefusedStrangers(clock, (from, calls) =>
    file.append({ time: new Date(clock.now()).toISOString(), event: 'refused', from, calls }),
  );
  return {
    // Nobody was named and nothing was to be done: they are counted, that is all.
    refused: (why) => inner.refused(why),
    [Symbol.dispose]: () => strangers[Symbol.dispose](),
    began(incoming, kind, request) {
      const observed = inner.began(incoming, kind, request);
      const isWanted = config.calls === 'all' || !ROUTINE.test(incoming.path);
      let caller: Principal | undefined;
      const record = (event: string, code: status, error: unknown): void =>
        file.append({
          time: new Date(clock.now()).toISOString(),
          event,
          ...describedCall(incoming, caller),
          on: objectOf(request),
          code: status[code],
          ...(error instanceof ArmadaError && { reason: error.code }),
        });
      return {
        messages: observed.messages,
        traceparent: observed.traceparent,
        named(principal) {
          caller = principal;
          observed.named(principal);
        },
        entered(principal) {
          if (isWanted && config.required) demandWritable(file);
          observed.entered(principal);
          if (isWanted && kind !== 'unary' && principal.scheme !== 'peer')
            record('opened', status.OK, undefined);
        },
        over(error) {
          observed.over(error);
          const code = endOf(error);
          // The servers of a store talk all the time; whoever only claims to be one is refused.
          const isRecorded = isWanted && caller?.scheme !== 'peer';
          if (code === status.UNAUTHENTICATED && isNobody(caller) && !strangers.isTold(incoming.peer)) return;
          if (isRecorded || REFUSALS.has(code)) record(kind === 'unary' ? 'call' : 'ended', code, error);
        },
      };
    },
  };
}

/** Whoever nobody knows, or asks for what is told to anyone. */
function isNobody(caller: Principal | undefined): boolean {
  return caller === undefined || caller.scheme === 'none';
}

function demandWritable(file: AuditFile): void {
  if (file.fault === undefined) return;
  const message = 'the audit log cannot be written, and without it nothing may be changed';
  throw new ArmadaError('UNAVAILABLE', message, { retryAfterMs: 1000 });
}

function describedCall(incoming: Incoming, caller: Principal | undefined): object {
  const { requestId, protocol, path, peer } = incoming;
  const call = { requestId, protocol, method: path, from: peer };
  if (caller) return { ...call, who: shortened(caller.name), scheme: caller.scheme };
  const word = incoming.headers('authorization')[0]?.split(' ', 1)[0]?.toLowerCase();
  if (word === undefined) return call;
  return { ...call, offered: SCHEME_WORDS.has(word) ? word : 'unknown' };
}
