import type { ArmadaClientError } from '@armada-ts/client/errors';
import { ExitCode, exitCodeOf } from './exit-codes.ts';
import { Failure } from './failure.ts';

/**
 * Makes of anything a command throws what a person should read: the cause, and
 * what to do about it. Recognises errors by their name, so that commands which
 * never connect need not load the client.
 */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (isClientError(error)) return clientFailure(error);
  if (error instanceof Error && error.name === 'ProfileError') {
    return new Failure(ExitCode.usage, error.message, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new Failure(ExitCode.failed, `this should not have happened: ${message}`, {
    details: ['please report it, with what you typed and the output of `armadactl version`'],
    cause: error,
  });
}

function isClientError(error: unknown): error is ArmadaClientError {
  return error instanceof Error && error.name === 'ArmadaClientError';
}

function clientFailure(error: ArmadaClientError): Failure {
  const remedy = remedyOf(error);
  const { message, faults } = withoutRepetition(error);
  return new Failure(exitCodeOf(error.code), message, {
    details: [...faults, ...(remedy === undefined ? [] : [remedy])],
    cause: error,
  });
}

/** Servers put the faults into the message too, for clients that read nothing else. */
function withoutRepetition({ message, faults }: ArmadaClientError): { message: string; faults: string[] } {
  const lines = faults.map((fault) =>
    fault.field === '' ? fault.message : `${fault.field}: ${fault.message}`,
  );
  if (!faults.every((fault) => message.includes(fault.message))) return { message, faults: lines };
  if (faults.length < 2) return { message, faults: [] };
  return { message: `the server found ${faults.length} faults in the request`, faults: lines };
}

function remedyOf(error: ArmadaClientError): string | undefined {
  if (error.reason === 'LOG_NOT_FOUND') {
    return 'a job has output from when it begins to run; `armadactl watch` shows when that is';
  }
  if (error.reason === 'QUEUE_EXISTS') return '`armadactl update queue` changes it, `armadactl apply -f` too';
  if (error.unreachable) return unreachableRemedy(error.message);
  switch (error.code) {
    case 'UNAUTHENTICATED':
      return 'check the credentials in the configuration file (`armadactl config current-context` names the context in use)';
    case 'PERMISSION_DENIED':
      return 'ask whoever owns the queue or runs the server for the permission';
    case 'UNIMPLEMENTED':
      return 'the server is older than this command; its operator can upgrade it';
    case 'DEADLINE_EXCEEDED':
      return 'the server did not answer in time, and may still do what was asked: look before you repeat it';
    case 'UNAVAILABLE':
    case 'RESOURCE_EXHAUSTED':
      return 'try again in a moment';
    default:
      return undefined;
  }
}

function unreachableRemedy(message: string): string {
  const address = /^cannot reach (\S+):/.exec(message)?.[1] ?? '';
  if (/wrong version number|packet length too long/i.test(message)) {
    return 'the server does not speak TLS: set `forceNoTls: true` in its context, if that is meant so';
  }
  if (/alert/i.test(message)) return 'it wants a certificate that it trusts: see `--cert` and `--key`';
  if (/does not match certificate|altnames/i.test(message)) {
    return 'its certificate is for other names: give one of them as `--armadaUrl`';
  }
  if (/certificate|self.signed/i.test(message)) {
    return 'name the authority that vouches for it by `--ca FILE`, or `caFile` in its context';
  }
  if (/Failed to connect/.test(message)) {
    return 'it may speak TLS, or want a certificate: see `--ca`, `--cert` and `--key`';
  }
  return /^(localhost|127\.|\[::1\])/.test(address)
    ? 'is the server running? start it with `npm start`'
    : 'check the address: `--armadaUrl`, ARMADAURL, or the context in the configuration file';
}
