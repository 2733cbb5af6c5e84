/** Services to make documents of; their methods are never called. */
import { ExecutorService, NodeService } from '@armada-ts/api/api/control';
import { EventService } from '@armada-ts/api/api/event';
import { JobsService } from '@armada-ts/api/api/jobs';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import { SubmitService } from '@armada-ts/api/api/submit';
import { ClusterServiceService } from '@armada-ts/api/armada/operator/v1/cluster';
import { FleetServiceService } from '@armada-ts/api/armada/operator/v1/fleet';
import { LogLevelServiceService } from '@armada-ts/api/armada/operator/v1/log_level';
import type { ServiceDefinition } from '@grpc/grpc-js';
import type { Service } from '../../../door/method.ts';
import type { Subject } from '../document.ts';
import { operatorApi, userApi } from '../subjects.ts';

function servicesOf(definitions: readonly ServiceDefinition[]): Service[] {
  return definitions.map((definition) => ({ definition, methods: {} }));
}

const version = '1.2.3';

export const userSubject: Subject = {
  ...userApi(
    servicesOf([SubmitService, QueueServiceService, EventService, JobsService, ExecutorService, NodeService]),
    ['basic', 'anonymous'],
  ),
  version,
};

export const operatorSubject: Subject = {
  ...operatorApi(servicesOf([ClusterServiceService, FleetServiceService, LogLevelServiceService]), [
    'bearer',
    'basic',
  ]),
  version,
};
