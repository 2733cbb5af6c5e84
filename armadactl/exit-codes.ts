import type { GrpcCode } from '@armada-ts/client/errors';

/**
 * What armadactl tells the shell. Scripts rely on these: never change the
 * meaning of one, and list every new one in docs/armadactl.md.
 */
export const ExitCode = {
  ok: 0,
  /** A job, or an item of a request, failed; also whatever has no code of its own. */
  failed: 1,
  /** The command line, a file or the configuration cannot be used; nothing was sent. */
  usage: 2,
  notFound: 3,
  /** Who you are is not known, or you may not do this. */
  denied: 4,
  unreachable: 5,
  timedOut: 6,
  /** The job was accepted, but fits no node there is. */
  unschedulable: 7,
  /** The job was cancelled or preempted. */
  cancelled: 8,
  interrupted: 130,
} as const;

/** The code of a call that failed with the given gRPC status. */
export function exitCodeOf(code: GrpcCode): number {
  switch (code) {
    case 'NOT_FOUND':
      return ExitCode.notFound;
    case 'UNAUTHENTICATED':
    case 'PERMISSION_DENIED':
      return ExitCode.denied;
    case 'UNAVAILABLE':
      return ExitCode.unreachable;
    case 'DEADLINE_EXCEEDED':
      return ExitCode.timedOut;
    case 'CANCELLED':
      return ExitCode.interrupted;
    default:
      return ExitCode.failed;
  }
}
