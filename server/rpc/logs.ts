import { LogServiceService, type ReadLogRequest } from '@armada-ts/api/armada/logs/v1/logs';
import { type LogDeps, readLog } from '../query/logs.ts';
import { type Methods, serverStream } from '../door/method.ts';

export const logsDefinition = LogServiceService;

/** armada.logs.v1.LogService: what jobs wrote. */
export function logService(deps: LogDeps): Methods {
  return {
    readLog: serverStream('queue:watch', (request: ReadLogRequest, { principal, ...call }) =>
      readLog(deps, principal, request, call),
    ),
  };
}
