import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobSubmitRequest } from '@armada-ts/api/api/submit';
import fc from 'fast-check';
import { quantities, sampleContainer, sampleRequest, sampleRules, sampleSpec } from './testing/sample.ts';
import { decodeItem, decodeSubmit, encodeItems, type ReceivedSubmit } from './received.ts';
import { validateSubmit } from './validate.ts';

const rules = sampleRules();

type Items = Parameters<typeof sampleRequest>;

/** Faults as `field message`, without the item's part when there is one item. */
function faultsOf(items: Items, changes: Partial<JobSubmitRequest> = {}, by = rules): string[] {
  const { faults } = validateSubmit(encodeItems({ ...sampleRequest(...items), ...changes }), by);
  return faults.map(({ field, message }) => `${field.replace('job_request_items[0].', '')} ${message}`);
}

function expectFault(items: Items, expected: RegExp, by = rules): void {
  const found = faultsOf(items, {}, by);
  assert.equal(found.length, 1, JSON.stringify(found));
  assert.match(found[0]!, expected);
}

const pod = (changes: Parameters<typeof sampleSpec>[0]) => ({ podSpec: sampleSpec(changes) });
const resources = (requests: Record<string, string>, limits: Record<string, string>) =>
  pod({
    containers: [{ name: 'main', resources: { requests: quantities(requests), limits: quantities(limits) } }],
  });

test('validateSubmit() accepts ordinary requests, and one without items', () => {
  assert.deepEqual(faultsOf([{}]), []);
  assert.deepEqual(faultsOf([]), []);
  assert.deepEqual(faultsOf([{ podSpec: undefined, podSpecs: [sampleSpec()], namespace: '' }]), []);
  assert.deepEqual(
    faultsOf([resources({ cpu: '1', memory: '1Gi' }, { cpu: '1000m', memory: '1024Mi' })]),
    [],
  );
  assert.deepEqual(faultsOf([{ priority: -5 }, { priority: Number.POSITIVE_INFINITY }]), []);
});

test('validateSubmit() checks the names of the request', () => {
  assert.match(faultsOf([{}], { queue: '' })[0]!, /^queue must not be empty$/);
  assert.match(faultsOf([{}], { queue: 'a\0b' })[0]!, /^queue must be .* got "a\\u0000b"$/);
  assert.match(faultsOf([{}], { jobSetId: '' })[0]!, /^job_set_id must not be empty$/);
  assert.deepEqual(faultsOf([{}], { jobSetId: 'ä'.repeat(511) }), []);
  assert.match(
    faultsOf([{}], { jobSetId: 'ä'.repeat(512) })[0]!,
    /^job_set_id must be shorter than 1024 bytes, got 1024$/,
  );
  for (const jobSetId of ['a\nb', 'a\ufffdb', 'a\ud800b']) {
    assert.match(
      faultsOf([{}], { jobSetId })[0]!,
      /^job_set_id must be valid UTF-8 without control characters/,
    );
  }
});

test('validateSubmit() checks what stands around the pod spec', () => {
  const cases: [Items[0], RegExp][] = [
    [{ namespace: 'A_b' }, /^namespace must be/],
    [{ priority: Number.NaN }, /^priority must be a number/],
    [{ labels: new Map([['', 'x']]) }, /^labels must not have an empty key/],
    [{ labels: new Map([['a\nb', 'x']]) }, /^labels must have keys that can be shown/],
    [{ labels: new Map([['a', 'x\ny']]) }, /^labels\[a\] must be valid UTF-8/],
    [{ annotations: new Map([['a\0', '']]) }, /^annotations must have keys/],
    [
      { annotations: new Map([['armadaproject.io/priceBand', 'I']]) },
      /priceBand\] must be a letter from A to H, got "I"/,
    ],
    [{ clientId: 'c'.repeat(101) }, /^client_id must be at most 100 bytes, got 101/],
    [{ clientId: 'a\u0000' }, /^client_id must be valid UTF-8/],
    [{ externalJobUri: 'a\nb' }, /^external_job_uri must be valid/],
    [{ podSpec: undefined }, /^pod_spec must be there/],
    [{ podSpecs: [sampleSpec()] }, /^pod_specs must be left out when pod_spec is there/],
    [{ podSpec: undefined, podSpecs: [sampleSpec(), sampleSpec()] }, /^pod_specs must have one entry.*got 2/],
    [{ ingress: [{ ports: [] }] }, /^ingress\[0\]\.ports must have at least one port/],
    [
      { ingress: [{ ports: [80] }, { ports: [81, 80] }] },
      /^ingress\[1\]\.ports\[1\] must be in one entry only, got 80 in entries 0 and 1/,
    ],
    [
      {
        requiredNodeLabels: new Map([['zone', 'b']]),
        podSpec: sampleSpec({ nodeSelector: new Map([['zone', 'a']]) }),
      },
      /^required_node_labels\[zone\] must agree/,
    ],
  ];
  for (const [item, expected] of cases) expectFault([item], expected);
  assert.deepEqual(
    faultsOf([
      {
        annotations: new Map([
          ['armadaproject.io/priceBand', 'c'],
          ['text', 'a\nb'],
        ]),
      },
    ]),
    [],
  );
});

test('validateSubmit() checks the pod spec', () => {
  const init = (amounts: Record<string, string>) =>
    pod({ initContainers: [{ ...sampleContainer(amounts), name: 'init' }] });
  const port = (containerPort: number) => ({ ports: [{ containerPort }] });
  const cases: [Items[0], RegExp][] = [
    [pod({ containers: [] }), /^pod_spec\.containers must have at least one container/],
    [
      pod({ containers: [{ ...sampleContainer(), args: ['x'.repeat(70_000)] }] }),
      /^pod_spec must be at most 65535 bytes, got 70\d{3}/,
    ],
    [pod({ containers: [{ ...sampleContainer(), name: '../x' }] }), /^pod_spec\.containers\[0\]\.name/],
    [
      pod({ containers: [sampleContainer(), sampleContainer()] }),
      /containers\[1\]\.name must be used once, got "main" again/,
    ],
    [
      pod({
        containers: [{ ...sampleContainer(), ...port(80) }],
        initContainers: [{ ...sampleContainer({ cpu: '100m' }), name: 'init', ...port(80) }],
      }),
      /initContainers\[0\]\.ports\[0\]\.containerPort must be exposed once, got 80 in containers "main" and "init"/,
    ],
    [
      pod({ containers: [{ ...sampleContainer(), ...port(0) }] }),
      /containerPort must be from 1 to 65535, got 0/,
    ],
    [
      pod({ terminationGracePeriodSeconds: 301n }),
      /^pod_spec\.terminationGracePeriodSeconds must be from 1 to 300 seconds, got 301/,
    ],
    [pod({ terminationGracePeriodSeconds: -1n }), /got -1/],
    [pod({ activeDeadlineSeconds: -1n }), /activeDeadlineSeconds must not be negative/],
    [
      pod({ priorityClassName: 'urgent' }),
      /priorityClassName must be one of armada-default, armada-preemptible, armada-resilient, got "urgent"/,
    ],
    [init({ cpu: '1' }), /initContainers\[0\]\.resources\.requests\[cpu\] must be a fraction of a core/],
    [
      pod({ overhead: quantities({ cpu: '-1' }) }),
      /^pod_spec\.overhead\[cpu\] must not be negative, got "-1"/,
    ],
  ];
  for (const [item, expected] of cases.slice(0, -2)) expectFault([item], expected);
  const whole = faultsOf([cases.at(-2)![0]]);
  assert.equal(whole.length, 2, 'request and limit are told');
  assert.match(whole[0]!, cases.at(-2)![1]);
  expectFault([cases.at(-1)![0]], cases.at(-1)![1]);
  assert.deepEqual(faultsOf([init({ cpu: '500m' }), init({ cpu: '0' })]), []);
  expectFault(
    [pod({ tolerations: [{ key: 'reserved' }] })],
    /tolerations\[0\]\.key must not be reserved/,
    sampleRules({ restrictedTolerationKeys: ['reserved'] }),
  );
  for (const key of [undefined, '']) {
    const everything = pod({ tolerations: [{ operator: 'Exists', ...(key !== undefined && { key }) }] });
    const restricted = sampleRules({ restrictedTolerationKeys: ['reserved'] });
    expectFault([everything], /tolerations\[0\]\.key must be there: .* also reserved/, restricted);
    assert.deepEqual(faultsOf([everything]), []);
  }
});

test('validateSubmit() checks requests against limits', () => {
  const at = /^pod_spec\.containers\[0\]\.resources/.source;
  const cases: [Items[0], RegExp][] = [
    [
      pod({ containers: [{ name: 'main' }] }),
      /\.resources must have requests and limits: container "main" has neither/,
    ],
    [resources({ cpu: '1' }, {}), /\.limits\[cpu\] must be set/],
    [resources({ cpu: '1' }, { cpu: '1', memory: '1Gi' }), /\.requests\[memory\] must be set/],
    [
      resources({ cpu: '2' }, { cpu: '1' }),
      /\.limits\[cpu\] must not be less than the request, got "1" for a request of "2"/,
    ],
    [resources({ cpu: '1' }, { cpu: '2' }), /\.limits\[cpu\] must equal the request/],
    [resources({ cpu: '-1' }, { cpu: '-1' }), /\.requests\[cpu\] must not be negative, got "-1"/],
    [resources({ memory: '1Ki' }, { memory: '1Ki' }), /\.requests\[memory\] must be 1Mi or more, got "1Ki"/],
    [
      resources({ cpu: 'NaN' }, { cpu: 'NaN' }),
      /\.requests\[cpu\] must be a quantity such as 500m or 4Gi, got "NaN"/,
    ],
    [
      resources({ memory: '1e30' }, { memory: '1e30' }),
      /\.requests\[memory\] must be less than 2\^53 base units/,
    ],
    [resources({ 'a b': '1' }, { 'a b': '1' }), /\.requests must have names of resources as keys, got "a b"/],
  ];
  for (const [item, expected] of cases) {
    expectFault([item], expected);
    expectFault([item], new RegExp(at));
  }
  const twice = sampleRules({ maxOversubscriptionByResourceRequest: { cpu: 2 } });
  assert.deepEqual(faultsOf([resources({ cpu: '1' }, { cpu: '2' })], {}, twice), []);
  expectFault([resources({ cpu: '1' }, { cpu: '2001m' })], /must be at most 2 times the request/, twice);
});

test('validateSubmit() checks node affinity', () => {
  const expression = (key: string, operator: string, values: string[]) => ({
    matchExpressions: [{ key, operator, values }],
  });
  const required = (...nodeSelectorTerms: object[]) =>
    pod({
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
    });
  const cases: [Items[0], RegExp][] = [
    [required(), /nodeSelectorTerms must have at least one term/],
    [required(expression('zone', 'in', ['a'])), /operator must be In, NotIn/],
    [required(expression('zone', 'In', [])), /values must have at least one value/],
    [required(expression('zone', 'In', ['a', 'b c'])), /values\[1\] must be a label value, got "b c"/],
    [required(expression('zone', 'Exists', ['a'])), /values must be empty for operator Exists/],
    [required(expression('cores', 'Gt', ['many'])), /values must be one whole number/],
    [required(expression('a b', 'Exists', [])), /key must be a label key, got "a b"/],
    [
      required({ matchFields: [{ key: 'metadata.uid', operator: 'In', values: ['a'] }] }),
      /key must be metadata\.name/,
    ],
    [
      pod({
        affinity: {
          nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: {} }] },
        },
      }),
      /preferred affinity is not supported/,
    ],
  ];
  for (const [item, expected] of cases) expectFault([item], expected);
  const fine = required(
    expression('zone', 'NotIn', ['a', '']),
    expression('cores', 'Lt', ['4']),
    expression('gpu', 'DoesNotExist', []),
  );
  assert.deepEqual(faultsOf([fine]), []);
});

test('validateSubmit() compares the members of a gang', () => {
  const member = (gangCardinality: string, more: Record<string, string> = {}, spec = {}) => ({
    annotations: new Map(
      Object.entries({ gangId: 'g', gangCardinality, ...more }).map(([name, value]) => [
        `armadaproject.io/${name}`,
        value,
      ]),
    ),
    ...pod(spec),
  });
  assert.deepEqual(faultsOf([member('2'), member('2'), member('2')]), []);
  const found = faultsOf([
    member('2'),
    member('3'),
    member('2', { gangNodeUniformityLabel: 'rack' }),
    member('2', {}, { priorityClassName: 'armada-preemptible' }),
  ]);
  assert.equal(found.length, 3);
  assert.match(
    found[0]!,
    /items\[1\].*gangCardinality\] must be the same for all of gang "g" as in item 0, got "2" there and "3" here/,
  );
  assert.match(found[1]!, /items\[2\].*gangNodeUniformityLabel\]/);
  assert.match(found[2]!, /items\[3\]\.pod_spec\.priorityClassName/);
  expectFault([member('0')], /annotations\[armadaproject\.io\/gangCardinality\] must be/);
});

test('validateSubmit() lets a client id stand for one item only', () => {
  assert.deepEqual(faultsOf([{ clientId: 'c' }, { clientId: 'c' }, { clientId: 'd', priority: 1 }]), []);
  const found = faultsOf([{ clientId: 'c' }, { clientId: 'd' }, { clientId: 'c', priority: 1 }]);
  assert.deepEqual(found, [
    'job_request_items[2].client_id must stand for one job, got "c" for another in item 0',
  ]);
});

test('validateSubmit() tells the first 20 faults and counts the rest', () => {
  const list = validateSubmit(
    encodeItems(sampleRequest(...Array.from({ length: 30 }, () => ({ namespace: '-' })))),
    rules,
  );
  assert.equal(list.count, 30);
  assert.equal(list.faults.length, 20);
  assert.equal(list.faults[19]!.field, 'job_request_items[19].namespace');
  const many = validateSubmit(encodeItems(sampleRequest({}, {}, {})), sampleRules({ maxJobsPerRequest: 2 }));
  assert.deepEqual(many.faults, [{ field: 'job_request_items', message: 'must be at most 2, got 3' }]);
});

test('validateSubmit() finds faults in whatever decodes, and throws at nothing', () => {
  // Bytes near those of a real request reach deeper than random ones.
  const seed = JobSubmitRequest.encode(
    sampleRequest({ clientId: 'c' }, { clientId: 'c', ...pod({ nodeSelector: new Map([['a', 'b']]) }) }),
  ).finish();
  const edits = fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { maxLength: 6 });
  let decoded = 0;
  fc.assert(
    fc.property(fc.oneof(edits, fc.uint8Array({ maxLength: 200 })), (input) => {
      const bytes = input instanceof Uint8Array ? input : Uint8Array.from(seed);
      if (!(input instanceof Uint8Array)) for (const [at, value] of input) bytes[at] = value;
      let request: ReceivedSubmit;
      try {
        request = decodeSubmit(bytes);
        for (const item of request.items) decodeItem(item);
      } catch {
        return;
      }
      decoded++;
      const { faults, count } = validateSubmit(request, rules);
      assert.equal(faults.length, Math.min(count, 20));
    }),
    { numRuns: 2000 },
  );
  assert.ok(decoded > 100, `only ${decoded} inputs decoded`);
});

test('validateSubmit() gives away items for as long as nothing is wrong', () => {
  const accepted: [string, number][] = [];
  const request = encodeItems(
    sampleRequest({ clientId: 'a' }, { clientId: 'b' }, { namespace: '-' }, { clientId: 'd' }),
  );
  validateSubmit(request, rules, ({ item }, index) => accepted.push([item.clientId, index]));
  assert.deepEqual(accepted, [
    ['a', 0],
    ['b', 1],
  ]);
});
