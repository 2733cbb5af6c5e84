/**
 * A scheduler for tests with everything around it in memory: a log of one
 * partition that checks versions and terms as the store does, a clock that is
 * set by hand, and executors that say what they are told to.
 */
import type { Queue } from '@armada-ts/api/api/queue';
import { Queue as QueueMessage } from '@armada-ts/api/api/queue';
import type { JobState } from '@armada-ts/api/api/job';
import {
  type Batch,
  Control_Kind,
  type ExecutorRecord,
  ExecutorSettings,
  type JobRecord,
  LogEntry,
  type Operation,
  SchedulingClass,
} from '@armada-ts/api/armada/store/v1/store';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import {
  LeaseRequest,
  type NodeInfo,
  NodeInfo as NodeInfoMessage,
} from '@armada-ts/api/executorapi/executorapi';
import { silentLogger } from '../../base/logger.ts';
import { type Place, settingsName } from '../../model/executor-settings.ts';
import { jobId, requestPrefix, slotOfQueue } from '../../model/ids.ts';
import { timestampOf } from '../../model/instant.ts';
import { type Event, applyEvent, submittedJob } from '../../model/job.ts';
import { packWhole } from '../../store/testing/packed-jobs.ts';
import { type SchedulerConfig, schedulerSchema } from '../config.ts';
import { type Scheduler, createScheduler } from '../cycle.ts';
import type { AppendOutcome } from '../flight.ts';
import { createTally } from '../tally.ts';

/** Wall clock at elapsed time 0. */
export const EPOCH_MS = 1_800_000_000_000;

export interface World {
  scheduler: Scheduler;
  /** Milliseconds since the world began; both clocks follow. */
  nowMs: number;
  /** What each look at the monotonic clock costs: makes rounds take time. */
  stepMs: number;
  /** Everything appended by the scheduler, by event name and job. */
  decided: { what: string; jobId: string; event: Event }[];
  saved: ExecutorRecord[];
  sealedBy: number | undefined;
  /** While true, outcomes and entries of the scheduler's batches wait for `deliver`. */
  isHeld: boolean;
  readonly records: Map<string, { record: JobRecord; version: number }>;
  readonly log: LogEntry[];
  term: number;
}

export interface JobOptions {
  queue?: string;
  jobSet?: string;
  cpu?: number;
  needs?: Partial<SchedulingClass>;
  priority?: number;
  atMostOnce?: boolean;
  failFast?: boolean;
}

const priorityClasses = new Map([
  ['', { priority: 1000, preemptible: false }],
  ['urgent', { priority: 2000, preemptible: false }],
  ['yielding', { priority: 1000, preemptible: true }],
]);

const held: (() => void)[] = [];

export function createWorld(settings: Partial<SchedulerConfig> = {}): World {
  held.length = 0;
  const world = {
    nowMs: 0,
    stepMs: 0,
    decided: [],
    saved: [],
    sealedBy: undefined,
    isHeld: false,
    records: new Map(),
    log: [],
    term: 1,
  } as unknown as World;
  world.scheduler = newScheduler(world, settings);
  return world;
}

/** A scheduler that knows nothing yet and leads, over the same store. */
export function newScheduler(world: World, settings: Partial<SchedulerConfig> = {}): Scheduler {
  const scheduler = createFollower(world, settings);
  scheduler.lead(world.term);
  return scheduler;
}

/** A scheduler that does not lead; the log is handed to it by the test. */
export function createFollower(world: World, settings: Partial<SchedulerConfig> = {}): Scheduler {
  let drawn = 1;
  return createScheduler({
    config: { ...schedulerSchema.parse({}), maxRoundIntervalMs: 0, rejectAfterMs: 0, ...settings },
    priorityClasses,
    clock: { now: () => EPOCH_MS + world.nowMs, elapsed: () => (world.nowMs += world.stepMs) },
    // Repeats itself only after some thousand million bytes: run ids must differ.
    random: (size) => Uint8Array.from({ length: size }, () => (drawn = nextDrawn(drawn)) >>> 24),
    append: (batch) => append(world, batch),
    saveExecutor: (record) => world.saved.push(record),
    wake: () => {},
    sealed: (term) => {
      world.sealedBy = term;
    },
    tally: createTally(),
    logger: silentLogger,
  });
}

function nextDrawn(drawn: number): number {
  return (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0;
}

/** Loads what the store has into a scheduler, as a new leader does. */
export function loadAll(world: World, scheduler: Scheduler, classes: SchedulingClass[]): void {
  const live = [...world.records.values()].filter(({ record }) => record.endedAtMs === undefined);
  const operations: Operation[] = [];
  for (const entry of world.log) {
    operations.push(...entry.opened);
    for (const id of entry.closed)
      operations.splice(
        operations.findIndex((one) => one.id === id),
        1,
      );
  }
  scheduler.load({ heads: [world.log.length] });
  scheduler.load({ page: { jobs: packWhole(live), classes, operations } });
}

/** Ticks until nothing more is to be done now, letting outcomes arrive in between. */
export async function settle(world: World): Promise<number> {
  let nextMs = 0;
  for (let quiet = 0; quiet < 3; ) {
    const before = world.log.length;
    nextMs = world.scheduler.tick();
    await new Promise(setImmediate);
    quiet = nextMs > 0 && world.log.length === before ? quiet + 1 : 0;
  }
  return nextMs;
}

/** Lets time pass in steps that a busy scheduler would see. */
export async function pass(world: World, ms: number): Promise<void> {
  const end = world.nowMs + ms;
  while (world.nowMs < end) {
    world.nowMs = Math.min(end, world.nowMs + 5_000);
    await settle(world);
  }
}

/** Lets the batches that were held take effect. */
export async function deliver(world: World): Promise<void> {
  world.isHeld = false;
  for (const one of held.splice(0)) one();
  await settle(world);
}

export function queue(world: World, name: string, more: Partial<Queue> = {}): void {
  const record = Buffer.from(
    QueueMessage.encode(QueueMessage.create({ name, priorityFactor: 1, ...more })).finish(),
  );
  const number = world.log.length + 1;
  commit(world, { control: { kind: Control_Kind.KIND_QUEUE, name, version: number, record } });
}

/** An operator cordons an executor, or takes that back. */
export function cordon(world: World, executorId: string, cordoned: boolean): void {
  set(world, { executorId, cordoned });
}

/** An operator sets something for an executor, or for a node of it. */
export function set(
  world: World,
  settings: Partial<ExecutorSettings> & Pick<ExecutorSettings, 'executorId'>,
): void {
  const setBy = { requestor: 'olga', reason: 'new disks', atMs: EPOCH_MS };
  const whole = ExecutorSettings.create({ cordoned: true, setBy, ...settings });
  const record = Buffer.from(ExecutorSettings.encode(whole).finish());
  const version = world.log.length + 1;
  commit(world, { control: { kind: SETTINGS, name: settingsName(whole), version, record } });
}

/** An operator takes back what was set. */
export function unset(world: World, place: Place): void {
  const version = world.log.length + 1;
  commit(world, { control: { kind: SETTINGS, name: settingsName(place), version, record: undefined } });
}

const SETTINGS = Control_Kind.KIND_EXECUTOR_SETTINGS;

/** An operator says that an executor is gone. */
export function dismiss(world: World, name: string): void {
  const version = world.log.length + 1;
  commit(world, { control: { kind: Control_Kind.KIND_EXECUTOR, name, version, record: undefined } });
}

let requests = 0;

/** Submits one job and returns its id. */
export function submit(world: World, options: JobOptions = {}): string {
  const [id] = submitMany(world, 1, options);
  return id ?? '';
}

/** Submits equal jobs in one request. */
export function submitMany(world: World, count: number, options: JobOptions = {}): string[] {
  const { queue: name = 'q', jobSet = 'set', priority = 0, atMostOnce = false, failFast = false } = options;
  const source = classOf(options);
  const random = Buffer.alloc(8);
  random.writeUInt32BE(++requests, 3);
  const prefix = requestPrefix(EPOCH_MS + world.nowMs, random);
  const sender = { queue: name, jobSetName: jobSet, userId: 'alice', groups: [] };
  const ids = Array.from({ length: count }, (_, index) => jobId(prefix, index, slotOfQueue(name)));
  const created = timestampOf(EPOCH_MS + world.nowMs);
  const number = world.log.length + 1;
  const jobs = ids.map((id) => {
    const job = SubmitJob.create({ jobId: id, priority, atMostOnce });
    const made = submittedJob({
      sender,
      job,
      createdMs: EPOCH_MS + world.nowMs,
      schedulingClass: source.id,
      gang: undefined,
    });
    const record = { ...made, failFast };
    world.records.set(id, { record, version: number });
    return { record, version: number };
  });
  const events = ids.map((id) => ({
    event: { $case: 'submitJob' as const, value: SubmitJob.create({ jobId: id }) },
    created,
  }));
  commit(world, {
    jobs,
    classes: [source],
    sequences: [{ jobSet, number, streamCreatedMs: 0, events: { ...sender, events } }],
  });
  return ids;
}

export function classOf({ cpu = 1, needs = {} }: JobOptions): SchedulingClass {
  const { id: _, ...more } = needs;
  const content = SchedulingClass.create({ requests: new Map([['cpu', cpu * 1000]]), ...more });
  const id = Buffer.from(SchedulingClass.encode(content).finish()).toString('hex');
  return { ...content, id };
}

/** Somebody other than the scheduler writes events about a job. */
export function write(world: World, id: string, what: NonNullable<Event['event']>, user = 'bob'): void {
  const known = world.records.get(id);
  if (known === undefined) throw new Error(`no job ${id}`);
  const event = { event: what, created: timestampOf(EPOCH_MS + world.nowMs) };
  const record = applyEvent(known.record, event, user);
  if (record === undefined) throw new Error(`${what.$case} does not apply`);
  const version = world.log.length + 1;
  world.records.set(id, { record, version });
  commit(world, { jobs: [{ record, version }] });
}

export function open(world: World, operation: Pick<Operation, 'id' | 'event'> & Partial<Operation>): void {
  const opened: Operation = {
    queue: 'q',
    jobSet: 'set',
    requestor: 'carol',
    openedAtNumber: world.log.length + 1,
    filter: undefined,
    ...operation,
  };
  commit(world, { opened: [opened] });
}

/** An executor shows itself; `runs` are the ids it holds, on its first node. */
export function show(
  world: World,
  options: { id?: string; nodes?: NodeInfo[]; runs?: string[]; states?: Map<string, JobState> } = {},
): void {
  const { id = 'east', nodes = [node('n1')], runs = [], states } = options;
  const [first, ...others] = nodes;
  const runIdsByState = states ?? new Map(runs.map((run) => [run, 2 as JobState]));
  const shown = first ? [{ ...first, runIdsByState }, ...others] : [];
  world.scheduler.executorSeen(LeaseRequest.create({ executorId: id, pool: 'default', nodes: shown }));
}

export function node(name: string, more: Partial<NodeInfo> & { cpu?: string } = {}): NodeInfo {
  const { cpu = '8', ...rest } = more;
  const allocatableResources = new Map([
    ['cpu', { string: cpu }],
    ['memory', { string: '16Gi' }],
  ]);
  return { ...NodeInfoMessage.create({ name }), allocatableResources, ...rest };
}

export function stateOf(world: World, id: string): JobState | undefined {
  return world.records.get(id)?.record.state;
}

/** The job's last run. */
export function runOf(world: World, id: string) {
  return world.records.get(id)?.record.runs.at(-1);
}

/** Names of the events decided for a job. */
export function decidedFor(world: World, id: string): string[] {
  return world.decided.filter((one) => one.jobId === id).map((one) => one.what);
}

function commit(world: World, part: Partial<LogEntry>): LogEntry {
  const entry = { ...LogEntry.create({}), partition: 0, number: world.log.length + 1, queue: 'q', ...part };
  world.log.push(entry);
  world.scheduler?.apply([LogEntry.decode(LogEntry.encode(entry).finish())]);
  return entry;
}

/** What the store does with a batch of the scheduler's. */
function append(world: World, batch: Batch): Promise<AppendOutcome> {
  if (!world.isHeld) return Promise.resolve(takeIn(world, batch));
  return new Promise((resolve) => held.push(() => resolve(takeIn(world, batch))));
}

function takeIn(world: World, batch: Batch): AppendOutcome {
  if ((batch.term ?? 0) < world.term) return { outcome: 'sealed', term: world.term };
  const versions = new Map<string, number>();
  for (const { record, expectedVersion } of batch.changed) {
    const known = world.records.get(record?.jobId ?? '');
    if (known && known.version !== expectedVersion) versions.set(known.record.jobId, known.version);
  }
  if (versions.size > 0) return { outcome: 'stale', partition: 0, versions };
  const version = world.log.length + 1;
  const jobs = batch.changed.flatMap(({ record }) => (record ? [{ record, version }] : []));
  for (const { record } of jobs) world.records.set(record.jobId, { record, version });
  for (const { events } of batch.sequences) {
    for (const event of events) {
      const value = event.event?.value as { jobId: string };
      world.decided.push({ what: event.event?.$case ?? '', jobId: value.jobId, event });
    }
  }
  const sequences = batch.sequences.map((events) => ({
    jobSet: events.jobSetName,
    number: version,
    streamCreatedMs: 0,
    events,
  }));
  const { number } = commit(world, { jobs, sequences, closed: batch.closed });
  return { outcome: 'applied', partition: 0, number };
}
