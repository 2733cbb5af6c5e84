/**
 * What a submit request must look like. Every item is looked at and every fault
 * told by item and field, so that a file with ten mistakes takes one round to
 * mend, not ten. Nothing here changes the request or throws.
 *
 * Rules are Armada's (server: submit validation) with these added: at least one
 * container, names that can be shown and stored, amounts that are amounts, and
 * client ids that stand for one job within the request.
 */
import type { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import type { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { checkPodPolicy, podRuleOf } from '@armada-ts/api/policy/pod-policy';
import {
  EXTERNAL_JOB_URI,
  GANG_CARDINALITY,
  GANG_UNIFORMITY_LABEL,
  PRICE_BAND,
} from '../model/annotations.ts';
import { gangOf } from '../model/gang.ts';
import { namespaceFault, printableFault, queueNameFault, shown } from '../model/names.ts';
import { claimHash } from './claim.ts';
import { namespaceOf } from './defaults.ts';
import { type FaultList, createFaultList } from './faults.ts';
import { decodeItem, type ReceivedItem, type ReceivedSubmit } from './received.ts';
import type { SubmitRules } from './rules.ts';
import type { Report } from './validate-affinity.ts';
import { checkPodSpec } from './validate-pod.ts';
import type { PodCheck } from './validate-resources.ts';

/** A job set id must be shorter than this, in bytes. */
const JOB_SET_ID_BYTES = 1024;

const MAX_CLIENT_ID_BYTES = 100;

/**
 * Everything that is wrong with a request.
 * @param accept is given each item for as long as nothing is wrong: items are decoded one at a time
 */
export function validateSubmit(
  request: ReceivedSubmit,
  rules: SubmitRules,
  accept: (item: ReceivedItem, index: number) => void = () => {},
): FaultList {
  const faults = createFaultList();
  const queue = queueNameFault(request.queue);
  if (queue !== undefined) faults.add('queue', queue);
  const jobSet = jobSetIdFault(request.jobSetId);
  if (jobSet !== undefined) faults.add('job_set_id', jobSet);
  const { items } = request;
  if (items.length > rules.maxJobsPerRequest) {
    faults.add('job_request_items', `must be at most ${rules.maxJobsPerRequest}, got ${items.length}`);
    return faults;
  }
  const others: EarlierItems = { byGang: new Map(), byClientId: new Map() };
  items.forEach((bytes, index) => {
    const report: Report = (field, message) => faults.add(`job_request_items[${index}].${field}`, message);
    const received = decodeItem(bytes);
    checkItem(received, { rules, report });
    checkPolicy(received, request.queue, { rules, report });
    checkGang(received, index, others, report);
    if (received.item.clientId !== '') checkClientId(received, index, others, report);
    if (faults.count === 0) accept(received, index);
  });
  return faults;
}

/** What is wrong with a job set id; undefined when nothing is. */
export function jobSetIdFault(jobSetId: string): string | undefined {
  if (jobSetId === '') return 'must not be empty';
  const bytes = Buffer.byteLength(jobSetId, 'utf8');
  if (bytes >= JOB_SET_ID_BYTES) return `must be shorter than ${JOB_SET_ID_BYTES} bytes, got ${bytes}`;
  return printableFault(jobSetId);
}

function checkItem({ item, podSpec: spec, podSpecBytes }: ReceivedItem, check: PodCheck): void {
  const { report } = check;
  if (item.namespace !== '') {
    const fault = namespaceFault(item.namespace);
    if (fault !== undefined) report('namespace', fault);
  }
  if (Number.isNaN(item.priority)) report('priority', 'must be a number, got NaN');
  checkMetadata(item, report);

  if (item.podSpec !== undefined && item.podSpecs.length > 0) {
    report('pod_specs', 'must be left out when pod_spec is there');
  } else if (item.podSpecs.length > 1) {
    report(
      'pod_specs',
      `must have one entry: jobs of several pods are not supported, got ${item.podSpecs.length}`,
    );
  }
  if (spec === undefined) {
    report('pod_spec', 'must be there');
  } else {
    checkPodSpec({ spec, bytes: podSpecBytes.length }, podSpecField(item), check);
    if (item.requiredNodeLabels.size > 0) checkNodeLabels(item, spec, report);
  }
  if (item.ingress.length > 0) checkIngress(item, report);
}

function podSpecField(item: JobSubmitRequestItem): string {
  return item.podSpec === undefined ? 'pod_specs[0]' : 'pod_spec';
}

function checkPolicy(
  { item, podSpec: spec }: ReceivedItem,
  queue: string,
  { rules, report }: PodCheck,
): void {
  if (spec === undefined) return;
  const { annotations } = item;
  const namespace = namespaceOf(item);
  const priorityClass = spec.priorityClassName || rules.defaultPriorityClassName;
  const pod = { spec, namespace, annotations, priorityClass, at: podSpecField(item) };
  checkPodPolicy(pod, podRuleOf(rules.podPolicy, queue, namespace), report);
}

function checkMetadata(item: JobSubmitRequestItem, report: Report): void {
  for (const [key, value] of item.labels) {
    const fault = keyFault(key);
    const valueFault = printableFault(value);
    if (fault !== undefined) report('labels', fault);
    else if (valueFault !== undefined) report(`labels[${key}]`, valueFault);
  }
  for (const key of item.annotations.keys()) {
    const fault = keyFault(key);
    if (fault !== undefined) report('annotations', fault);
  }
  const priceBand = item.annotations.get(PRICE_BAND);
  if (priceBand !== undefined && !/^[A-H]$/i.test(priceBand)) {
    report(`annotations[${PRICE_BAND}]`, `must be a letter from A to H, got ${shown(priceBand)}`);
  }
  const uriFault = printableFault(item.externalJobUri);
  if (uriFault !== undefined) report('external_job_uri', uriFault);
  const annotated = printableFault(item.annotations.get(EXTERNAL_JOB_URI) ?? '');
  if (annotated !== undefined) report(`annotations[${EXTERNAL_JOB_URI}]`, annotated);
}

function keyFault(key: string): string | undefined {
  if (key === '') return 'must not have an empty key';
  const fault = printableFault(key);
  return fault === undefined ? undefined : `must have keys that can be shown: a key ${fault}`;
}

/** The older field adds to the node selector; it cannot take anything back. */
function checkNodeLabels(item: JobSubmitRequestItem, spec: PodSpec, report: Report): void {
  for (const [label, value] of item.requiredNodeLabels) {
    const selected = spec.nodeSelector.get(label);
    if (selected === undefined || selected === value) continue;
    report(
      `required_node_labels[${label}]`,
      `must agree with the pod's nodeSelector, ${shown(selected)}, got ${shown(value)}`,
    );
  }
}

function checkIngress(item: JobSubmitRequestItem, report: Report): void {
  const entryOfPort = new Map<number, number>();
  item.ingress.forEach((entry, i) => {
    if (entry.ports.length === 0) report(`ingress[${i}].ports`, 'must have at least one port');
    entry.ports.forEach((port, j) => {
      const other = entryOfPort.get(port);
      if (other === undefined) entryOfPort.set(port, i);
      else
        report(
          `ingress[${i}].ports[${j}]`,
          `must be in one entry only, got ${port} in entries ${other} and ${i}`,
        );
    });
  });
}

/** What later items of a request are compared with: the first of each gang and of each client id. */
interface EarlierItems {
  byGang: Map<string, { index: number; cardinality: number; uniformityLabel: string; priorityClass: string }>;
  byClientId: Map<string, { index: number; bytes: Uint8Array }>;
}

function checkGang(
  { item, podSpec }: ReceivedItem,
  index: number,
  { byGang }: EarlierItems,
  report: Report,
): void {
  const { gang, faults } = gangOf(item.annotations);
  for (const { field, message } of faults) report(field, message);
  if (gang === undefined) return;
  const { cardinality, uniformityLabel } = gang;
  const priorityClass = podSpec?.priorityClassName ?? '';
  const first = byGang.get(gang.id);
  if (first === undefined) {
    byGang.set(gang.id, { index, cardinality, uniformityLabel, priorityClass });
    return;
  }
  const agree = (field: string, mine: string | number, theirs: string | number): void => {
    if (mine === theirs) return;
    const found = `${shown(String(theirs))} there and ${shown(String(mine))} here`;
    report(
      field,
      `must be the same for all of gang ${shown(gang.id)} as in item ${first.index}, got ${found}`,
    );
  };
  agree(`annotations[${GANG_CARDINALITY}]`, cardinality, first.cardinality);
  agree(`annotations[${GANG_UNIFORMITY_LABEL}]`, uniformityLabel, first.uniformityLabel);
  agree('pod_spec.priorityClassName', priorityClass, first.priorityClass);
}

function checkClientId(
  { item: { clientId }, bytes }: ReceivedItem,
  index: number,
  { byClientId }: EarlierItems,
  report: Report,
): void {
  const idBytes = Buffer.byteLength(clientId, 'utf8');
  if (idBytes > MAX_CLIENT_ID_BYTES)
    report('client_id', `must be at most ${MAX_CLIENT_ID_BYTES} bytes, got ${idBytes}`);
  const fault = printableFault(clientId);
  if (fault !== undefined) report('client_id', fault);
  const first = byClientId.get(clientId);
  if (first === undefined) {
    byClientId.set(clientId, { index, bytes });
    return;
  }
  // The job set is the same.
  if (claimHash('', first.bytes).equals(claimHash('', bytes))) return;
  report('client_id', `must stand for one job, got ${shown(clientId)} for another in item ${first.index}`);
}
