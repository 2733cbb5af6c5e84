/**
 * The stored form of a job: an encoded SubmitJob, defaults filled in. The pod
 * spec is the client's own bytes followed by what the defaults add to it, which
 * to every reader is one message: a later scalar replaces an earlier one, lists
 * and maps go on.
 */
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { encodeMessage } from '../model/encode.ts';

/** Tags of SubmitJob.mainObject, KubernetesMainObject.pod_spec and PodSpecWithAvoidList.pod_spec. */
const MAIN_OBJECT = 0x2a;
const WITH_AVOID_LIST = 0x12;
const POD_SPEC = 0x0a;

/** A pod spec as the client encoded it and decoded, and with its defaults. */
export interface DefaultedPodSpec {
  encoded: Uint8Array;
  given: PodSpec;
  filled: PodSpec;
}

/** The bytes of a job whose main object is this pod spec and nothing else. */
export function encodeJob(job: SubmitJob, podSpec: DefaultedPodSpec): Buffer {
  const rest = encodeMessage(SubmitJob, { ...job, mainObject: undefined });
  const parts = podSpecParts(podSpec);
  const specBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const listBytes = 1 + varintBytes(specBytes) + specBytes;
  const objectBytes = 1 + varintBytes(listBytes) + listBytes;
  const bytes = Buffer.allocUnsafe(rest.length + 1 + varintBytes(objectBytes) + objectBytes);
  bytes.set(rest);
  let at = rest.length;
  at = writeHead(bytes, at, MAIN_OBJECT, objectBytes);
  at = writeHead(bytes, at, WITH_AVOID_LIST, listBytes);
  at = writeHead(bytes, at, POD_SPEC, specBytes);
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Containers cannot be added to piece by piece: where one was filled in, all is encoded anew. */
function podSpecParts({ encoded, given, filled }: DefaultedPodSpec): Uint8Array[] {
  if (filled.containers !== given.containers || filled.initContainers !== given.initContainers) {
    return [encodeMessage(PodSpec, filled)];
  }
  const added: PodSpec = {
    ...NOTHING,
    activeDeadlineSeconds: filled.activeDeadlineSeconds,
    priorityClassName: filled.priorityClassName,
    terminationGracePeriodSeconds: filled.terminationGracePeriodSeconds,
    tolerations: filled.tolerations.slice(given.tolerations.length),
    nodeSelector: filled.nodeSelector === given.nodeSelector ? NOTHING.nodeSelector : filled.nodeSelector,
  };
  return [encoded, encodeMessage(PodSpec, added)];
}

const NOTHING = PodSpec.create();

function writeHead(bytes: Buffer, from: number, tag: number, length: number): number {
  let at = from;
  bytes[at++] = tag;
  let rest = length;
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest >>>= 7) bytes++;
  return bytes;
}
