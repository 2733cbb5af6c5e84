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
import type { Subject } from '../document.ts';

function subject(definitions: readonly ServiceDefinition[]): Subject {
  return {
    title: 'Some services',
    description: 'What they do.',
    version: '1.2.3',
    services: definitions.map((definition) => ({ definition, methods: {} })),
    credentials: ['basic', 'bearer', 'anonymous'],
  };
}

export const userSubject = subject([
  SubmitService,
  QueueServiceService,
  EventService,
  JobsService,
  ExecutorService,
  NodeService,
]);

export const operatorSubject = subject([ClusterServiceService, FleetServiceService, LogLevelServiceService]);
