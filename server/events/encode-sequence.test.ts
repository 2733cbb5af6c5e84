import { EventMessage } from '@armada-ts/api/api/event';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publicEvents } from './convert.ts';
import { encodeSequence } from './encode-sequence.ts';
import { eventsIn } from './testing/framed.ts';
import { createStreams } from './testing/streams.ts';

test('what is encoded is what the conversion says, pod specs included', async () => {
  const streams = createStreams();
  const podSpec = PodSpec.fromPartial({
    containers: [{ name: 'main', args: ['x'.repeat(300)] }],
    nodeSelector: new Map([['disk', 'ssd']]),
  });
  const meta = { namespace: 'ns', labels: new Map([['team', 'a']]) };
  const withPod = {
    objectMeta: meta,
    mainObject: { object: { $case: 'podSpec' as const, value: { podSpec } } },
  };
  streams.specs.set('a', SubmitJob.fromPartial({ jobId: 'a', priority: 3, ...withPod }));
  streams.specs.set('b', SubmitJob.fromPartial({ jobId: 'b', objectMeta: meta }));
  streams.specs.set(
    'c',
    SubmitJob.fromPartial({ jobId: 'c', mainObject: { object: { $case: 'podSpec', value: {} } } }),
  );
  const submits = ['a', 'b', 'c', 'gone'].map((jobId) => ({
    $case: 'submitJob' as const,
    value: SubmitJob.create({ jobId }),
  }));
  const entry = streams.append('set', [
    ...submits,
    { $case: 'cancelJob', value: { jobId: 'a', reason: '' } },
  ]);
  const [stored] = entry.sequences;
  assert(stored);
  const { events } = await encodeSequence(streams.store, stored);
  const messages = eventsIn(events.bytes);
  assert.deepEqual(
    messages.map(({ message }) => message),
    publicEvents(stored, streams.specs).map((event) =>
      EventMessage.decode(EventMessage.encode(event).finish()),
    ),
  );
  const ids = messages.map((_, i) => `${stored.streamCreatedMs}:1:${i}:${i === 8 ? 1 : 0}`);
  assert.deepEqual(
    messages.map(({ id }) => id),
    ids,
  );
  const [first] = messages;
  assert(first?.message?.events?.$case === 'submitted');
  assert.equal(first.message.events.value.job?.podSpec?.containers[0]?.args[0]?.length, 300);
});
