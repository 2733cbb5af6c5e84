/**
 * From a stored sequence to the bytes that watchers get. The pod spec of a
 * submitted job, most of its bytes, goes from the store to them as it is.
 */
import { EventStreamMessage } from '@armada-ts/api/api/event';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { readerOf } from '@armada-ts/api/encoded/reader';
import { type Framed, frame } from '../base/framing.ts';
import { appendWithin, cutWithin } from '../model/splice.ts';
import { encodeMessages } from '../model/encode.ts';
import type { StoredSequence, Store } from '../store/store.ts';
import { publicEvents } from './convert.ts';
import { messageId } from './message-id.ts';

/** A sequence as watchers see it; it may have no events. */
export interface EncodedSequence {
  number: number;
  streamCreatedMs: number;
  /** Its encoded api.EventStreamMessages. */
  events: Framed;
  /** About what it takes in memory, for the bound. */
  byteLength: number;
}

/** What a kept sequence, and each event of it, takes beside its bytes. */
const OVERHEAD_BYTES = 256;

/** Where the pod spec is in armadaevents.SubmitJob: mainObject, its pod_spec, and the pod spec in that. */
const STORED_POD = [5, 2, 1] as const;

/** Where it is in api.EventStreamMessage: message, submitted, job, pod_spec. */
const PUBLIC_POD = [2, 1, 5, 5];

export async function encodeSequence(store: Store, stored: StoredSequence): Promise<EncodedSequence> {
  const { specs, pods } = await specsOf(store, stored);
  const { number, streamCreatedMs } = stored;
  const messages = publicEvents(stored, specs);
  const streamed = messages.map((message, index) => ({
    id: messageId(streamCreatedMs, number, index, index === messages.length - 1),
    message,
  }));
  const encoded = encodeMessages(EventStreamMessage, streamed).map((bytes, index): Uint8Array => {
    const event = messages[index]?.events;
    const pod = event?.$case === 'submitted' ? pods.get(event.value.jobId) : undefined;
    return pod ? appendWithin(bytes, PUBLIC_POD, pod) : bytes;
  });
  const events = frame(encoded);
  const byteLength = OVERHEAD_BYTES * (1 + messages.length) + events.bytes.length;
  return { number, streamCreatedMs, events, byteLength };
}

/** Specs of the jobs that the sequence submits, with pod specs that are empty, and what belongs in these, encoded. */
async function specsOf(
  store: Store,
  stored: StoredSequence,
): Promise<{ specs: Map<string, SubmitJob>; pods: Map<string, Uint8Array> }> {
  const specs = new Map<string, SubmitJob>();
  const pods = new Map<string, Uint8Array>();
  const submitted = (stored.events?.events ?? []).flatMap(({ event }) =>
    event?.$case === 'submitJob' ? [event.value.jobId] : [],
  );
  if (submitted.length === 0) return { specs, pods };
  for (const [jobId, bytes] of await store.read.encodedSpecs(submitted)) {
    const cut = cutWithin(bytes, STORED_POD);
    specs.set(jobId, SubmitJob.decode(readerOf(cut?.rest ?? bytes)));
    if (cut) pods.set(jobId, cut.content);
  }
  return { specs, pods };
}
