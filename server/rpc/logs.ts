import { LogServiceService, type ReadLogRequest } from '@armada-ts/api/armada/logs/v1/logs';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { type LogDeps, readLog } from '../query/logs.ts';
import { type Door, serverStream } from './call.ts';

export const logsDefinition = LogServiceService;

/** armada.logs.v1.LogService: what jobs wrote. */
export function logService(door: Door, deps: LogDeps): UntypedServiceImplementation {
  return {
    readLog: serverStream(door, 'queue:watch', (request: ReadLogRequest, { principal, signal }) =>
      readLog(deps, principal, request, signal),
    ),
  };
}
