// Submit requests for load: the bytes of as many different jobs as one likes,
// for next to nothing, so that a client that shares cores with its server takes
// few of them. Jobs of 64 scheduling classes are encoded once; each one sent is
// a copy with a client id and texts of its own.
import { JobSubmitRequest, JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { type Container, PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { randomBytes } from 'node:crypto';

export const CLASSES = 64;

/** Size of the encoded pod spec; other systems were measured with it. */
export const SPEC_BYTES = 528;

/** What every job has of its own: a client id, and twice the same text in its spec. */
const CLIENT_ID = 'c'.repeat(32);
const OWN_TEXT = 's'.repeat(16);

/**
 * How client ids are made: as our client library does, a random part for the
 * request and the index of the job in it, or a random text for every job.
 */
export type ClientIds = 'indexed' | 'random';

/** A submit request for `count` new jobs, encoded. */
export type NextRequest = (count: number) => Uint8Array;

export function createRequests(
  queue: string,
  jobSetId: string,
  clientIds: ClientIds = 'indexed',
): NextRequest {
  const head = JobSubmitRequest.encode(JobSubmitRequest.create({ queue, jobSetId })).finish();
  const templates = Array.from({ length: CLASSES }, (_, index) => templateOf(index));
  let sent = 0;
  return (count) => {
    const chosen = Array.from({ length: count }, (_, i) => templates[(sent + i) % CLASSES] as Template);
    sent += count;
    const request = Buffer.allocUnsafe(chosen.reduce((sum, { bytes }) => sum + bytes.length, head.length));
    request.set(head);
    const fresh = freshTexts(count, clientIds);
    let at = head.length;
    chosen.forEach(({ bytes, clientIdAt, textsAt }, i) => {
      const { clientId, text } = fresh(i);
      request.set(bytes, at);
      request.write(clientId, at + clientIdAt, 'latin1');
      for (const textAt of textsAt) request.write(text, at + textAt, 'latin1');
      at += bytes.length;
    });
    return request;
  };
}

/** Texts that no other job has. */
function freshTexts(
  count: number,
  clientIds: ClientIds,
): (index: number) => { clientId: string; text: string } {
  const random = randomBytes(count * 16).toString('hex');
  const prefix = random.slice(0, 25);
  return (index) => {
    const own = random.slice(index * 32, index * 32 + 32);
    const clientId = clientIds === 'random' ? own : `${prefix}-${String(index).padStart(6, '0')}`;
    return { clientId, text: own.slice(0, OWN_TEXT.length) };
  };
}

/** One item as a field of its request, and where its own texts go. */
interface Template {
  bytes: Buffer;
  clientIdAt: number;
  textsAt: number[];
}

function templateOf(index: number): Template {
  const item = JobSubmitRequestItem.fromPartial({
    namespace: 'default',
    clientId: CLIENT_ID,
    priority: index % 4,
    labels: new Map([['team', `team-${index % 8}`]]),
    podSpecs: [podSpecOf(index)],
  });
  const bytes = Buffer.from(
    JobSubmitRequest.encode(JobSubmitRequest.create({ jobRequestItems: [item] })).finish(),
  );
  const textsAt: number[] = [];
  for (let at = bytes.indexOf(OWN_TEXT); at >= 0; at = bytes.indexOf(OWN_TEXT, at + 1)) textsAt.push(at);
  return { bytes, clientIdAt: bytes.indexOf(CLIENT_ID), textsAt };
}

function podSpecOf(index: number): PodSpec {
  const amounts = new Map([
    ['cpu', { string: `${250 * (1 + (index % 16))}m` }],
    ['memory', { string: `${256 * (1 + Math.floor(index / 16))}Mi` }],
    ['ephemeral-storage', { string: '1Gi' }],
  ]);
  const container = (padding: string): Partial<Container> => ({
    name: 'main',
    image: 'registry.example.org/team/train:1.4.2',
    command: ['/opt/train/bin/train'],
    args: ['--seed', OWN_TEXT, '--input', 'bucket://samples/2026/november', '--epochs', '40'],
    env: [
      { name: 'OUTPUT', value: `bucket://results/${OWN_TEXT}`, valueFrom: undefined },
      { name: 'NOTE', value: padding, valueFrom: undefined },
    ],
    resources: { requests: amounts, limits: amounts, claims: [] },
  });
  const specOf = (padding: string): PodSpec =>
    PodSpec.fromPartial({
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 30n,
      nodeSelector: new Map([['zone', index % 2 === 0 ? 'east' : 'west']]),
      containers: [container(padding)],
    });
  // Lengths of fields grow by a byte at 128, so the room that is left is found by trying.
  let padding = 0;
  while (PodSpec.encode(specOf('x'.repeat(padding))).finish().length < SPEC_BYTES) padding++;
  return specOf('x'.repeat(padding));
}
