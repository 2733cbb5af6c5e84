/** What people are shown of the calls that most of them make; they belong together and tell one story. */

export interface Example {
  readonly request?: unknown;
  /** Of a stream, one message. */
  readonly response?: unknown;
}

const JOB_ID = '01m7yd3nf3c7sfqejj3100005a';
const QUEUE = 'demo';
const JOB_SET = 'hello';

const queue = { name: QUEUE, priorityFactor: 1 };

const resources = { cpu: '100m', memory: '32Mi' };

const item = {
  clientId: 'hello-1',
  namespace: 'default',
  priority: 1,
  podSpecs: [
    {
      containers: [
        {
          name: 'hello',
          image: 'busybox',
          command: ['echo', 'Hello from Armada'],
          resources: { limits: resources, requests: resources },
        },
      ],
    },
  ],
};

/** By path of the call. */
const examples: Readonly<Record<string, Example>> = {
  '/api.Submit/SubmitJobs': {
    request: { queue: QUEUE, jobSetId: JOB_SET, jobRequestItems: [item] },
    response: { jobResponseItems: [{ jobId: JOB_ID }] },
  },
  '/api.Submit/CancelJobs': {
    request: { jobIds: [JOB_ID], reason: 'no longer needed' },
    response: { cancelledIds: [JOB_ID] },
  },
  '/api.Submit/CancelJobSet': {
    request: { queue: QUEUE, jobSetId: JOB_SET, reason: 'no longer needed' },
  },
  '/api.Submit/ReprioritizeJobs': {
    request: { queue: QUEUE, jobSetId: JOB_SET, jobIds: [JOB_ID], newPriority: 5 },
    response: { reprioritizationResults: { [JOB_ID]: '' } },
  },
  '/api.Submit/PreemptJobs': {
    request: { queue: QUEUE, jobSetId: JOB_SET, jobIds: [JOB_ID], reason: 'makes room' },
    response: { preemptionResults: { [JOB_ID]: '' } },
  },
  '/api.Submit/CreateQueue': { request: queue },
  '/api.Submit/UpdateQueue': { request: { ...queue, priorityFactor: 2 } },
  '/api.Submit/GetQueue': {
    response: {
      ...queue,
      permissions: [
        {
          subjects: [{ kind: 'User', name: 'anna' }],
          verbs: ['submit', 'cancel', 'preempt', 'reprioritize', 'watch'],
        },
      ],
    },
  },
  '/api.Submit/GetQueues': { response: { Event: { queue } } },
  '/api.Event/GetJobSetEvents': {
    // So that whoever tries it on the page sees it end.
    request: { watch: false },
    response: {
      id: '1795243572644:3:0:1',
      message: {
        running: {
          jobId: JOB_ID,
          jobSetId: JOB_SET,
          queue: QUEUE,
          created: '2026-11-21T06:36:12.677Z',
          clusterId: 'local',
          nodeName: 'local-0',
        },
      },
    },
  },
  '/api.Jobs/GetJobStatus': {
    request: { jobIds: [JOB_ID] },
    response: { jobStates: { [JOB_ID]: 'RUNNING' } },
  },
  '/api.Jobs/GetJobDetails': { request: { jobIds: [JOB_ID], expandJobSpec: true, expandJobRun: true } },
  '/api.Jobs/GetJobErrors': {
    request: { jobIds: [JOB_ID] },
    response: { jobErrors: { [JOB_ID]: 'container hello ended with exit code 1' } },
  },
  '/api.Executor/UpsertExecutorSettings': {
    request: { cordoned: true, cordonReason: 'maintenance' },
  },
  '/armada.operator.v1.FleetService/CordonNode': { request: { reason: 'maintenance' } },
  '/armada.operator.v1.FleetService/DrainNode': {
    request: { reason: 'maintenance', letRunningFinish: true },
  },
  '/armada.operator.v1.LogLevelService/SetLogLevel': { request: { component: 'scheduler', level: 'debug' } },
};

export function exampleOf(method: string): Example | undefined {
  return Object.hasOwn(examples, method) ? examples[method] : undefined;
}

/** The calls that have one. */
export function exampleMethods(): readonly string[] {
  return Object.keys(examples);
}
