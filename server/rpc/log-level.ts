import {
  type GetLogLevelRequest,
  LogLevelServiceService,
  type SetLogLevelRequest,
} from '@armada-ts/api/armada/operator/v1/log_level';
import { type Methods, unary } from '../door/method.ts';
import { changeEverywhere, type LogLevelDeps } from '../peers/log-level.ts';

export const logLevelDefinition = LogLevelServiceService;

/** armada.operator.v1.LogLevelService: how much all servers of the store log. */
export function logLevelService(deps: LogLevelDeps): Methods {
  return {
    getLogLevel: unary('operate', ({ component }: GetLogLevelRequest) =>
      changeEverywhere(deps, { component, level: undefined }),
    ),
    setLogLevel: unary('operate', ({ component, level }: SetLogLevelRequest) =>
      changeEverywhere(deps, { component, level }),
    ),
  };
}
