import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson, type MessageName } from '@armada-ts/api/json';
import { ArmadaError } from '../../base/errors.ts';
import { applyQuery, parameterOf } from './parameters.ts';

function requestOf(typeName: MessageName, query: string): Record<string, unknown> {
  const request = {};
  applyQuery(request, typeName, new URLSearchParams(query));
  return request;
}

test('parameters go by proto name or by camelCase name, and nested ones by dots', () => {
  for (const name of ['most_recent_for_queue.queue_name', 'mostRecentForQueue.queueName']) {
    const request = requestOf('schedulerobjects.SchedulingReportRequest', `${name}=q&verbosity=2`);
    assert.deepEqual(request, { mostRecentForQueue: { queueName: 'q' }, verbosity: 2 });
    const message = fromJson('schedulerobjects.SchedulingReportRequest', request, { unknown: 'error' });
    assert.deepEqual(message.filter?.$case, 'mostRecentForQueue');
  }
});

test('parameters that the request does not know are passed over', () => {
  const names = ['x', '', '.', 'num.x', 'x.num', '__proto__', 'constructor', 'NUM', '__proto__.num'];
  const query = names.map((name) => `${name}=1`).join('&');
  assert.deepEqual(requestOf('api.StreamingQueueGetRequest', query), {});
  // A map has no form in a query.
  assert.equal(parameterOf('api.Queue', 'resource_limits'), undefined);
});

test('a text becomes a value of the type of its field, or stays a text for the codec to refuse', () => {
  const job = (query: string) => requestOf('api.JobDetailsRequest', query);
  assert.deepEqual(job('jobIds=a&job_ids=b'), { jobIds: ['b'] });
  assert.deepEqual(job('jobIds=a&jobIds=b&jobIds='), { jobIds: ['a', 'b', ''] });
  for (const yes of ['expandJobSpec', 'expandJobSpec=', 'expandJobSpec=TRUE', 'expand_job_spec=1']) {
    assert.deepEqual(job(yes), { expandJobSpec: true }, yes);
  }
  assert.deepEqual(job('expandJobSpec=false&expandJobRun=0'), { expandJobSpec: false, expandJobRun: false });
  assert.deepEqual(job('expandJobSpec=yes'), { expandJobSpec: 'yes' });
  const number = (text: string) => requestOf('api.StreamingQueueGetRequest', `num=${text}`)['num'];
  assert.deepEqual(['7', '-7', '0x7', '', '07', '1e400', ' 7'].map(number), [
    7,
    -7,
    '0x7',
    '',
    '07',
    Number.POSITIVE_INFINITY,
    ' 7',
  ]);
});

test('two texts for one value are refused', () => {
  const refused = () => requestOf('api.StreamingQueueGetRequest', 'num=1&num=2');
  assert.throws(refused, (error) => error instanceof ArmadaError && error.faults[0]?.field === 'num');
});
