/**
 * The round against the oracle: random fleets and jobs, and random sequences of
 * what happens between rounds, must give the same placements in the same order.
 * And the fleet's columns must stay exactly what the placements make them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SchedulingClass } from '@armada-ts/api/armada/store/v1/store';
import { type NodeSelectorTerm, Taint, Toleration } from '@armada-ts/api/k8s/io/api/core/v1/core';
import fc from 'fast-check';
import { createClasses, ensureClass } from './classes.ts';
import { HOSTNAME_LABEL } from './match.ts';
import { compareNodes } from './node-order.ts';
import { countNode, createNodes, listNode, putNode, release } from './nodes.ts';
import {
  type OracleJob,
  type OracleNode,
  type OracleQueue,
  mayRunOn,
  oracleRound,
} from '../testing/oracle.ts';
import { type Placement, type Snapshot, runRound } from './round.ts';
import { createWaiting, lineUp } from './waiting.ts';

const RUNS = process.env['ARMADA_TEST_LONG'] === '1' ? 20_000 : 1_500;
const NO_LIMITS = { maxPlacements: 1_000, maxSteps: 1e9 };

const taint = fc.record({
  key: fc.constantFrom('dedicated', 'spot'),
  value: fc.constantFrom('a', 'b', ''),
  effect: fc.constantFrom('NoSchedule', 'NoExecute', 'PreferNoSchedule'),
});
const toleration = fc.record({
  key: fc.constantFrom('dedicated', 'spot', ''),
  operator: fc.constantFrom('Exists', 'Equal', ''),
  value: fc.constantFrom('a', 'b', ''),
  effect: fc.constantFrom('NoSchedule', 'NoExecute', ''),
});
const labels = fc.dictionary(fc.constantFrom('zone', 'tier'), fc.constantFrom('1', '2', '10', 'x'), {
  noNullPrototype: true,
});
const amounts = fc.record({
  cpu: fc.integer({ min: 0, max: 8 }),
  memory: fc.integer({ min: 0, max: 8 }),
  'nvidia.com/gpu': fc.constantFrom(0, 0, 0, 1, 2),
  'example.com/licence': fc.constantFrom(0, 0, 0, 1),
});
const node = fc.record({
  executor: fc.constantFrom('east', 'west'),
  pool: fc.constantFrom('default', 'default', 'extra'),
  labels,
  taints: fc.array(taint, { maxLength: 1 }),
  amounts,
  isListed: fc.constantFrom(true, true, true, false),
});
const requirement = fc.oneof(
  fc.record({
    key: fc.constantFrom('zone', 'tier', HOSTNAME_LABEL),
    operator: fc.constantFrom('In', 'NotIn'),
    values: fc.uniqueArray(fc.constantFrom('1', '2', '10', 'n0', 'n1', 'n2'), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    key: fc.constantFrom('zone', 'tier'),
    operator: fc.constantFrom('Exists', 'DoesNotExist'),
    values: fc.constant<string[]>([]),
  }),
  fc.record({
    key: fc.constantFrom('zone', 'tier'),
    operator: fc.constantFrom('Gt', 'Lt'),
    values: fc.constantFrom('1', '2').map((bound) => [bound]),
  }),
);
const field = fc.record({
  key: fc.constant('metadata.name'),
  operator: fc.constantFrom('In', 'NotIn'),
  values: fc.uniqueArray(fc.constantFrom('n0', 'n1', 'n2'), { minLength: 1, maxLength: 2 }),
});
const term = fc.record({
  matchExpressions: fc.array(requirement, { maxLength: 2 }),
  matchFields: fc.array(field, { maxLength: 1 }),
});
const needs = fc.record({
  amounts,
  selector: fc.dictionary(fc.constantFrom('zone', 'tier', HOSTNAME_LABEL), fc.constantFrom('1', '2', 'n1'), {
    maxKeys: 1,
    noNullPrototype: true,
  }),
  tolerations: fc.array(toleration, { maxLength: 2 }),
  affinity: fc.option(fc.array(term, { minLength: 1, maxLength: 2 }), { freq: 2 }),
  classPriority: fc.constantFrom(10, 10, 20),
});
const job = fc.record({
  needs: fc.nat(),
  queue: fc.constantFrom('a', 'b', 'c'),
  priority: fc.integer({ min: 0, max: 2 }),
  submittedAtMs: fc.integer({ min: 0, max: 3 }),
  avoided: fc.uniqueArray(fc.constantFrom('east/n0', 'west/n1', 'east/n2'), { maxLength: 1 }),
});
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('submit' as const), job }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('list' as const), which: fc.nat(), isListed: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('round' as const) }) },
);
const scenario = fc.record({
  nodes: fc.array(node, { minLength: 1, maxLength: 7 }),
  needs: fc.array(needs, { minLength: 1, maxLength: 4 }),
  factors: fc.tuple(fc.constantFrom(1, 2, 0.5), fc.constantFrom(1, 2, 0.5), fc.constantFrom(1, 2, 0.5)),
  heldQueue: fc.constantFrom('', '', 'b'),
  steps: fc.array(step, { minLength: 1, maxLength: 24 }),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;
type TermCase = typeof term extends fc.Arbitrary<infer T> ? T : never;
type NeedsCase = typeof needs extends fc.Arbitrary<infer T> ? T : never;

const QUEUES = ['a', 'b', 'c'];

function createWorld({ nodes: nodeCases, needs: needCases, factors, heldQueue }: Scenario) {
  const nodes = createNodes();
  const oracleNodes: OracleNode[] = nodeCases.map((one, index) => {
    const name = `n${index}`;
    const total = columnUnits(one.amounts);
    const all = new Map([...Object.entries(one.labels), [HOSTNAME_LABEL, name] as const]);
    const taints = one.taints.map((part) => Taint.fromPartial(part));
    const facts = { executorId: one.executor, name, pool: one.pool, labels: all, taints, isGone: false };
    const added = putNode(nodes, { ...facts, capacity: baseUnits(one.amounts) });
    listNode(nodes, added, one.isListed);
    countNode(nodes, added, true);
    return { ...facts, total, free: { ...total }, isListed: one.isListed };
  });
  const ids: string[] = [];
  const order = {
    ids,
    isIdBefore: (a: number, b: number): boolean => ids[a]! < ids[b]!,
    priority: new Float64Array(100),
    submittedAtMs: new Float64Array(100),
  };
  const snapshot: Snapshot = {
    nodes,
    classes: createClasses(),
    queues: {
      names: QUEUES,
      priorityFactor: new Float64Array(factors),
      held: new Uint8Array(QUEUES.map((name) => Number(name === heldQueue))),
    },
    waiting: createWaiting(order),
  };
  const sources = needCases.map((one, index) => classOf(one, String(index)));
  const queues: OracleQueue[] = QUEUES.map((name, index) => ({
    name,
    priorityFactor: factors[index] ?? 1,
    isHeld: name === heldQueue,
  }));
  return { snapshot, order, oracleNodes, sources, needCases, queues };
}

function classOf(one: NeedsCase, id: string): SchedulingClass {
  return SchedulingClass.fromPartial({
    id,
    requests: baseUnits(one.amounts),
    nodeSelector: new Map(Object.entries(one.selector)),
    tolerations: one.tolerations.map((part) => Toleration.fromPartial(part)),
    ...(one.affinity ? { requiredAffinity: { nodeSelectorTerms: one.affinity.map(termOf) } } : {}),
  });
}

function termOf(one: TermCase): NodeSelectorTerm {
  return { matchExpressions: [...one.matchExpressions], matchFields: [...one.matchFields] };
}

/** The cases speak of cpus and GiB. */
function columnUnits(one: NeedsCase['amounts']): Record<string, number> {
  return { ...one, cpu: one.cpu * 1000, memory: one.memory * 2 ** 20 };
}

function baseUnits(one: NeedsCase['amounts']): Map<string, number> {
  return new Map(Object.entries({ ...columnUnits(one), memory: one.memory * 2 ** 30 }));
}

function play(scenarioCase: Scenario): void {
  const { snapshot, order, oracleNodes, sources, needCases, queues } = createWorld(scenarioCase);
  let waiting: OracleJob[] = [];
  const jobs = new Map<string, OracleJob>();
  const running: (Placement & { id: string })[] = [];
  const round = (): void => {
    const held = running.map((one) => ({
      queue: QUEUES[one.queue]!,
      pool: oracleNodes[one.node]!.pool,
      requests: jobs.get(one.id)!.requests,
    }));
    const expected = oracleRound(oracleNodes, queues, waiting, held);
    const plan = runRound(snapshot, NO_LIMITS);
    const placed = plan.placements.map((one): [string, string] => {
      const facts = oracleNodes[one.node]!;
      return [order.ids[one.job]!, `${facts.executorId}/${facts.name}`];
    });
    assert.deepEqual(placed, expected);
    const ids = new Set(placed.map(([id]) => id));
    waiting = waiting.filter((one) => !ids.has(one.id));
    for (const one of plan.placements) running.push({ ...one, id: order.ids[one.job]! });
    checkColumns();
  };
  const checkColumns = (): void => {
    for (const [index, facts] of oracleNodes.entries()) {
      const own = running.filter((one) => one.node === index).map((one) => jobs.get(one.id)!);
      for (const [name, total] of Object.entries(facts.total)) {
        const used = own.reduce((sum, one) => sum + (one.requests[name] ?? 0), 0);
        assert.ok(used <= total, 'a node is filled beyond what it offers');
        const column = snapshot.nodes.resources.columns.get(name)!;
        assert.equal(snapshot.nodes.free[index * snapshot.nodes.width + column], total - used);
      }
      for (const one of own) assert.ok(mayRunOn(one, facts));
    }
    for (const pool of snapshot.nodes.pools) {
      for (const list of pool.orders) {
        for (let at = 1; at < (list?.size ?? 0); at++) {
          assert.ok(compareNodes(snapshot.nodes, list!.list[at - 1]!, list!.list[at]!) < 0);
        }
      }
    }
  };
  for (const one of scenarioCase.steps) {
    if (one.do === 'round') round();
    else if (one.do === 'submit') {
      const which = one.job.needs % needCases.length;
      const source = sources[which]!;
      const needCase = needCases[which]!;
      const index = order.ids.length;
      const id = `job${String(index).padStart(3, '0')}`;
      order.ids.push(id);
      order.priority[index] = one.job.priority;
      order.submittedAtMs[index] = one.job.submittedAtMs;
      const avoided = one.job.avoided.map((key) => key.replace('/', '\0'));
      const made = ensureClass(snapshot.classes, snapshot.nodes, {
        source,
        avoided,
        priority: needCase.classPriority,
      });
      lineUp(snapshot.waiting, index, QUEUES.indexOf(one.job.queue), made.index);
      const { queue, priority, submittedAtMs } = one.job;
      const added: OracleJob = {
        id,
        queue,
        priority,
        submittedAtMs,
        needs: source,
        requests: columnUnits(needCase.amounts),
        classPriority: needCase.classPriority,
        avoided: one.job.avoided,
      };
      jobs.set(id, added);
      waiting.push(added);
    } else if (one.do === 'end') {
      const [ended] = running.splice(one.which % (running.length || 1), 1);
      if (ended === undefined) continue;
      release(snapshot.nodes, ended.node, ended.queue, ended.jobClass.request);
      const { free } = oracleNodes[ended.node]!;
      for (const [name, amount] of Object.entries(jobs.get(ended.id)!.requests)) free[name]! += amount;
    } else {
      const which = one.which % oracleNodes.length;
      oracleNodes[which]!.isListed = one.isListed;
      listNode(snapshot.nodes, which, one.isListed);
    }
  }
  round();
}

test('runRound() agrees with the oracle on random fleets, jobs and histories', () => {
  fc.assert(fc.property(scenario, play), { numRuns: RUNS, seed: 20261121 });
});

test('runRound() stops at its limits and goes on from there', () => {
  const world = createWorld({
    nodes: [
      {
        executor: 'east',
        pool: 'default',
        labels: {},
        taints: [],
        amounts: { cpu: 8, memory: 8, 'nvidia.com/gpu': 0, 'example.com/licence': 0 },
        isListed: true,
      },
    ],
    needs: [
      {
        amounts: { cpu: 1, memory: 1, 'nvidia.com/gpu': 0, 'example.com/licence': 0 },
        selector: {},
        tolerations: [],
        affinity: null,
        classPriority: 10,
      },
    ],
    factors: [1, 1, 1],
    heldQueue: '',
    steps: [],
  });
  const { snapshot, order } = world;
  const made = ensureClass(snapshot.classes, snapshot.nodes, {
    source: world.sources[0]!,
    avoided: [],
    priority: 10,
  });
  for (let index = 0; index < 10; index++) {
    order.ids.push(`job${index}`);
    lineUp(snapshot.waiting, index, 0, made.index);
  }
  const first = runRound(snapshot, { maxPlacements: 3, maxSteps: 1e9 });
  assert.deepEqual(
    first.placements.map((one) => one.job),
    [0, 1, 2],
  );
  assert.equal(first.isComplete, false);
  const second = runRound(snapshot, NO_LIMITS);
  assert.deepEqual(
    second.placements.map((one) => one.job),
    [3, 4, 5, 6, 7],
  );
  assert.equal(second.isComplete, true);
  assert.equal(snapshot.waiting.size, 2);
  assert.deepEqual(runRound(snapshot, NO_LIMITS).steps, 0, 'a blocked class costs nothing');
});
