import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { fromJson } from '@armada-ts/api/json';
import type { EventServer, EventStreamMessage } from '@armada-ts/api/api/event';
import { Queue, type QueueServiceServer } from '@armada-ts/api/api/queue';
import type { JobSetEventBody } from '@armada-ts/client/events';
import { refusal, type FakeMethods } from '@armada-ts/client/testing/fake-server';

/** The life of the one job set that a fake server tells of. */
export const JOB_ID = '01hzy3m2q4r5s6t7v8w9x0y1z2';

/** An event of the given kind, its further fields given as in JSON. */
export function event(kind: JobSetEventBody['$case'], fields: object = {}, jobId = JOB_ID): JobSetEventBody {
  const created = '2026-09-21T14:13:20.005Z';
  const value = { jobId, jobSetId: 'set', queue: 'demo', created, ...fields };
  const { events } = fromJson('api.EventMessage', { [kind]: value }, { unknown: 'error' });
  assert.ok(events);
  return events;
}

/** Serves the given events to every reader, then ends or, for a watch, waits. */
export function serveEvents(...bodies: JobSetEventBody[]): EventServer['getJobSetEvents'] {
  return (call) => {
    const first = Number(call.request.fromMessageId || '0');
    for (const [place, events] of bodies.entries()) {
      const message: EventStreamMessage = { id: String(place + 1), message: { events } };
      if (place >= first) call.write(message);
    }
    if (!call.request.watch) call.end();
  };
}

/** Queues that are there, and none else. */
export function serveQueues(...names: string[]): Partial<QueueServiceServer> {
  const find = (name: string) => names.find((candidate) => candidate === name);
  const unknown = (name: string) => refusal(status.NOT_FOUND, `queue "${name}" does not exist`);
  return {
    getQueue: (call, callback) => {
      const name = find(call.request.name);
      if (name === undefined) callback(unknown(call.request.name));
      else callback(null, { ...Queue.create(), name, priorityFactor: 1 });
    },
    getQueues: (call) => {
      for (const name of names) {
        call.write({ event: { $case: 'queue', value: { ...Queue.create(), name, priorityFactor: 1 } } });
      }
      call.write({ event: { $case: 'end', value: {} } });
      call.end();
    },
    deleteQueue: (call, callback) => {
      if (find(call.request.name) === undefined) callback(unknown(call.request.name));
      else callback(null, {});
    },
  };
}

/** Accepts one job under JOB_ID. */
export function acceptOne(): NonNullable<FakeMethods['submit']> {
  return {
    submitJobs: (_, callback) => callback(null, { jobResponseItems: [{ jobId: JOB_ID, error: '' }] }),
  };
}
