// What calls of the tests are about, made by an operator: queues and jobs of their own.
import assert from 'node:assert/strict';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import { SubmitService, type JobSubmitResponse } from '@armada-ts/api/api/submit';
import type { Client } from '@grpc/grpc-js';
import { type AnyMethod, call } from './calls.ts';
import { jobItem } from './items.ts';
import { EXTERNAL_JOB_URI, type Row, type Target } from './permission-table.ts';
import { credentialsOf, OPERATOR, queueOf } from './users.ts';

export interface Targets {
  /** A call of the operator that must be answered. */
  done: (method: object, request: object) => Promise<object | undefined>;
  newJob: (queue: string, jobSetId?: string) => Promise<string>;
  /** @param row what it is for; a target for all rows when left out */
  newTarget: (queue: string, row?: Row) => Promise<Target>;
}

/** @param client asked for when it is needed: it may not be there yet */
export function createTargets(client: () => Client): Targets {
  const asOperator = credentialsOf(OPERATOR.name);
  let made = 0;

  const done: Targets['done'] = async (method, request) => {
    const { code, error, answer } = await call(client(), method as AnyMethod, request, asOperator);
    assert.equal(code, 'OK', error?.message);
    return answer;
  };

  const newJob: Targets['newJob'] = async (queue, jobSetId = 'set') => {
    const item = { ...jobItem({}), externalJobUri: EXTERNAL_JOB_URI };
    const request = { queue, jobSetId, jobRequestItems: [item] };
    const answer = (await done(SubmitService.submitJobs, request)) as JobSubmitResponse;
    return answer.jobResponseItems[0]?.jobId ?? '';
  };

  return {
    done,
    newJob,
    async newTarget(queue, row) {
      const number = ++made;
      const spare = `spare-${number}`;
      const isMade = row === undefined || isAboutSpare(row);
      const creating = isMade && done(QueueServiceService.createQueue, queueOf(spare));
      const [jobId] = await Promise.all([newJob(queue), creating]);
      return { queue, jobId, spare, fresh: `fresh-${number}` };
    },
  };
}

/** Most rows are not, and with a queue more for each call lists of queues take long. */
function isAboutSpare({ request }: Row): boolean {
  let isAsked = false;
  request({
    queue: '',
    jobId: '',
    fresh: '',
    get spare() {
      isAsked = true;
      return '';
    },
  });
  return isAsked;
}
