import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toJson } from '@armada-ts/api/json';
import { commandJob, jobFromJson } from './job-spec.ts';

test('commandJob() asks for what it limits, and says the rest as pod specs do', () => {
  const job = commandJob({
    command: ['sh', '-c', 'echo $WORD'],
    image: 'busybox',
    cpu: '500m',
    memory: '64Mi',
    env: { WORD: 'hi' },
    priority: 3,
    priorityClass: 'low',
    namespace: 'space',
    labels: { team: 'a' },
    annotations: { 'armadaproject.io/gangId': 'g' },
  });
  const amounts = { cpu: '500m', memory: '64Mi' };
  const same = jobFromJson({
    priority: 3,
    namespace: 'space',
    labels: { team: 'a' },
    annotations: { 'armadaproject.io/gangId': 'g' },
    podSpecs: [
      {
        priorityClassName: 'low',
        restartPolicy: 'Never',
        containers: [
          {
            name: 'main',
            image: 'busybox',
            command: ['sh'],
            args: ['-c', 'echo $WORD'],
            env: [{ name: 'WORD', value: 'hi' }],
            resources: { requests: amounts, limits: amounts },
          },
        ],
      },
    ],
  });
  assert.deepEqual(toJson('api.JobSubmitRequestItem', job), toJson('api.JobSubmitRequestItem', same));
});

test('jobFromJson() names what it does not know', () => {
  assert.equal(jobFromJson({}).namespace, 'default');
  assert.throws(() => jobFromJson({ podSpec: { container: [] } }), /podSpec\.container/);
});
