// That replaying finds what is wrong: one honest job set, spoilt in every way.
import { JobState } from '@armada-ts/api/api/job';
import { JobRecord, type StoredJob, type StoredSequence } from '@armada-ts/api/armada/store/v1/store';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { Queue } from '@armada-ts/api/api/queue';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { timestampOf } from '@armada-ts/server/model/instant';
import { applyEvent, type Event, submittedJob } from '@armada-ts/server/model/job';
import { schedulingClassOf } from '@armada-ts/server/model/scheduling-class';
import type { JobSetInfo, StoreReader } from '@armada-ts/server/store/store';
import { packWhole } from '@armada-ts/server/store/testing/packed-jobs';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  done,
  lease,
  type Payload,
  reprioritised,
  running,
  succeeded,
} from '@armada-ts/server/model/testing/job-events';
import { allJobSets, replay } from './replay.ts';

const NAME = { queue: 'q', jobSet: 's' };
const SENDER = { queue: 'q', jobSetName: 's', userId: 'ann', groups: ['users'] };
/** The job that the sample events are about; a second one stays queued. */
const JOBS = ['job', 'queued'];
const AT_MS = 1_700_000_000_123;

/** What a store would hold. */
interface Content {
  info: JobSetInfo;
  sequences: StoredSequence[];
  records: JobRecord[];
  specs: Map<string, SubmitJob>;
  /** Job ids by client id, and by run. */
  claims: Map<string, string>;
  runs: Map<string, string>;
}

const eventOf = (payload: Payload): Event => ({ created: timestampOf(AT_MS), event: payload });
const submit = (jobId: string): Event => eventOf({ $case: 'submitJob', value: SubmitJob.create({ jobId }) });

function sequenceOf(number: number, ...events: Event[]): StoredSequence {
  return { jobSet: 's', number, streamCreatedMs: 1, events: { ...SENDER, events } };
}

/** Two jobs, one of which runs to its end. */
function honest(): Content {
  const schedulingClass = schedulingClassOf(PodSpec.create()).id;
  const specs = new Map(
    JOBS.map((jobId) => [
      jobId,
      SubmitJob.create({ jobId, priority: 3, deduplicationId: `client-${jobId}` }),
    ]),
  );
  const records = JOBS.map((jobId) =>
    submittedJob({
      sender: SENDER,
      job: specs.get(jobId)!,
      createdMs: AT_MS,
      schedulingClass,
      gang: undefined,
    }),
  );
  const later = [lease('run'), running('run'), done('run'), succeeded].map(eventOf);
  for (const event of later) records[0] = applyEvent(records[0]!, event, '')!;
  return {
    info: { ...NAME, streamCreatedMs: 1, firstNumber: 1, lastNumber: 5, queued: 1, leased: 0 },
    sequences: [sequenceOf(1, ...JOBS.map(submit)), ...later.map((event, i) => sequenceOf(i + 2, event))],
    records,
    specs,
    claims: new Map(JOBS.map((jobId) => [`client-${jobId}`, jobId])),
    runs: new Map([['run', 'job']]),
  };
}

/** A store that holds this and nothing else. */
function readerOf(content: Content): StoreReader {
  const { info, sequences, records, specs, claims, runs } = content;
  // As it comes out of a store.
  const stored = (record: JobRecord): StoredJob => ({
    record: JobRecord.decode(JobRecord.encode(record).finish()),
    version: 1,
  });
  const live = records.filter(({ endedAtMs }) => endedAtMs === undefined);
  const page = (from: readonly JobRecord[], afterId: string, limit: number): JobRecord[] =>
    from
      .toSorted((one, other) => (one.jobId < other.jobId ? -1 : 1))
      .filter(({ jobId }) => jobId > afterId)
      .slice(0, limit);
  const reader: Partial<StoreReader> = {
    jobSet: async () => info,
    activeJobSets: async () => (info.queued + info.leased > 0 ? [info] : []),
    stream: async (_queue, _jobSet, after) => sequences.filter(({ number }) => number > after),
    specs: async () => specs,
    jobs: async () => records.map(stored),
    jobsOfSet: async (_queue, _jobSet, { afterId, limit }) => page(records, afterId, limit).map(stored),
    queues: async () => [{ queue: Queue.create({ name: 'q' }), version: 1 }],
    jobSetNames: async (_queue, from) => (from === '' ? ['s'] : []),
    jobsOfRuns: async () =>
      new Map(
        records.flatMap((one) =>
          [...runs].filter(([, id]) => id === one.jobId).map(([run]) => [run, stored(one)]),
        ),
      ),
    claims: async (_queue, ids) =>
      ids.map((clientId) => ({ clientId, jobId: claims.get(clientId) ?? '', hash: Buffer.alloc(0) })),
    liveJobIds: async (_queue, _jobSet, afterId, limit) =>
      page(live, afterId, limit).map(({ jobId }) => jobId),
    active: async () => ({ jobs: packWhole(live.map(stored)), classes: [], operations: [], next: undefined }),
  };
  return reader as StoreReader;
}

test('an honest job set has no fault', async () => {
  const read = readerOf(honest());
  const names = await allJobSets(read);
  assert.deepEqual(names, [NAME]);
  const { faults, events, records } = await replay(read, names);
  assert.deepEqual(faults, []);
  assert.equal(events, 6);
  assert.deepEqual(
    [...records.values()].map(({ state }) => state),
    [JobState.SUCCEEDED, JobState.QUEUED],
  );
});

test('jobs are replayed a few at a time, in as many readings', async () => {
  const content = honest();
  const { faults, jobs, events } = await replay(readerOf(content), [NAME], 1);
  assert.deepEqual({ faults, jobs, events }, { faults: [], jobs: 2, events: 6 });
  content.records[1]!.priority = 4;
  content.records.push({ ...content.records[1]!, jobId: 'zzz' });
  content.sequences[2]!.streamCreatedMs = 2;
  const spoilt = await replay(readerOf(content), [NAME], 1);
  assert.equal(spoilt.faultCount, 5, spoilt.faults.join('\n'));
});

const SPOILT: Record<string, { spoil: (content: Content) => void; fault: RegExp }> = {
  'a number left out': { spoil: ({ sequences }) => (sequences[3]!.number = 6), fault: /6 follows 3/ },
  'a stream cut short': {
    spoil: ({ sequences }) => sequences.pop(),
    fault: /the stream ends at 4, not at 5/,
  },
  'a sequence of another stream': {
    spoil: ({ sequences }) => (sequences[1]!.streamCreatedMs = 2),
    fault: /2 is of another stream/,
  },
  'an empty sequence': { spoil: ({ sequences }) => (sequences[2]!.events!.events = []), fault: /3 is empty/ },
  'an event after the end': {
    spoil: (content) => {
      content.sequences.push(sequenceOf(6, eventOf(reprioritised(1))));
      content.info.lastNumber = 6;
    },
    fault: /6: reprioritisedJob of job after its end/,
  },
  'an event that does not apply': {
    spoil: ({ sequences }) => sequences[2]!.events!.events.push(eventOf(running('run'))),
    fault: /3: jobRunRunning of job does not apply/,
  },
  'a job submitted twice': {
    spoil: ({ sequences }) => sequences[1]!.events!.events.push(submit('job')),
    fault: /2: job is submitted twice/,
  },
  'an event of no job': {
    spoil: ({ sequences }) => sequences[0]!.events!.events.shift(),
    fault: /2: jobRunLeased of unknown job/,
  },
  'a lost spec': { spoil: ({ specs }) => specs.delete('queued'), fault: /queued has no spec/ },
  'a lost record': { spoil: ({ records }) => records.pop(), fault: /queued has no record/ },
  'a record without events': {
    spoil: ({ records }) => records.push({ ...records[1]!, jobId: 'other' }),
    fault: /other has no events/,
  },
  'another field': {
    spoil: ({ records }) => (records[1]!.priority = 4),
    fault: /queued: priority is 4, .* 3$/m,
  },
  'another time': { spoil: ({ records }) => (records[0]!.endedAtMs! += 1), fault: /job: endedAtMs is / },
  'another class': {
    spoil: ({ records }) => (records[1]!.schedulingClass = 'x'),
    fault: /schedulingClass is 'x'/,
  },
  'a wrong counter': { spoil: ({ info }) => (info.leased = 1), fault: /counted are 1 queued and 1 leased/ },
  'a live job not listed': {
    spoil: ({ records }) => (records[1]!.endedAtMs = 1),
    fault: /0 jobs are listed as live, not 1/,
  },
  'a client id astray': {
    spoil: ({ claims }) => claims.set('client-job', 'queued'),
    fault: /client-job is of queued/,
  },
  'a run astray': {
    spoil: ({ runs }) => runs.set('run', 'queued'),
    fault: /run run leads to queued, not to job/,
  },
};

for (const [what, { spoil, fault }] of Object.entries(SPOILT)) {
  test(`${what} is found`, async () => {
    const content = honest();
    spoil(content);
    const { faults } = await replay(readerOf(content), [NAME]);
    assert.match(faults.join('\n'), fault);
  });
}

test('a job set that is not there is a fault', async () => {
  const reader = { ...readerOf(honest()), jobSet: async () => undefined };
  assert.deepEqual((await replay(reader, [NAME])).faults, ['q/s is not there']);
});

test('jobs whose submit is no longer kept are passed over', async () => {
  const content = honest();
  content.sequences.shift();
  content.info = { ...content.info, firstNumber: 2, queued: 0 };
  content.records = [];
  assert.deepEqual((await replay(readerOf(content), [NAME])).faults, []);
});
