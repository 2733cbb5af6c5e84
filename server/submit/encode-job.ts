/**
 * The stored form of a job: an encoded SubmitJob, defaults filled in. The pod
 * spec is the client's own bytes followed by what the defaults add to it, which
 * to every reader is one message: a later scalar replaces an earlier one, lists
 * and maps go on.
 */
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { encodeMessage } from '../model/encode.ts';

type Writer = ReturnType<typeof SubmitJob.encode>;

/** Tags of SubmitJob.mainObject, KubernetesMainObject.pod_spec and PodSpecWithAvoidList.pod_spec. */
const MAIN_OBJECT = 42;
const WITH_AVOID_LIST = 18;
const POD_SPEC = 10;

/** A pod spec as the client encoded it and decoded, and with its defaults. */
export interface DefaultedPodSpec {
  encoded: Uint8Array;
  given: PodSpec;
  filled: PodSpec;
}

/** The bytes of a job whose main object is this pod spec and nothing else. */
export function encodeJob(job: SubmitJob, podSpec: DefaultedPodSpec): Buffer {
  return encodeMessage(JOB_OF_PARTS, { job, podSpec });
}

const JOB_OF_PARTS = {
  encode({ job, podSpec }: { job: SubmitJob; podSpec: DefaultedPodSpec }, kept?: Writer): Writer {
    const writer = SubmitJob.encode({ ...job, mainObject: undefined }, kept);
    writer.uint32(MAIN_OBJECT).fork().uint32(WITH_AVOID_LIST).fork().uint32(POD_SPEC).fork();
    writePodSpec(podSpec, writer);
    return writer.join().join().join();
  },
};

/** Containers cannot be added to piece by piece: where one was filled in, all is encoded anew. */
function writePodSpec({ encoded, given, filled }: DefaultedPodSpec, writer: Writer): void {
  if (filled.containers !== given.containers || filled.initContainers !== given.initContainers) {
    PodSpec.encode(filled, writer);
    return;
  }
  writer.raw(encoded);
  const added: PodSpec = {
    ...NOTHING,
    activeDeadlineSeconds: filled.activeDeadlineSeconds,
    priorityClassName: filled.priorityClassName,
    terminationGracePeriodSeconds: filled.terminationGracePeriodSeconds,
    tolerations: filled.tolerations.slice(given.tolerations.length),
    nodeSelector: filled.nodeSelector === given.nodeSelector ? NOTHING.nodeSelector : filled.nodeSelector,
  };
  writer.raw(encodedAddition(added));
}

/** Jobs of a request, and of many others, get the same added. */
let lastAddition: { added: PodSpec; encoded: Uint8Array } | undefined;

function encodedAddition(added: PodSpec): Uint8Array {
  if (lastAddition === undefined || !isSameAddition(lastAddition.added, added)) {
    lastAddition = { added, encoded: PodSpec.encode(added).finish() };
  }
  return lastAddition.encoded;
}

function isSameAddition(one: PodSpec, other: PodSpec): boolean {
  return (
    one.activeDeadlineSeconds === other.activeDeadlineSeconds &&
    one.priorityClassName === other.priorityClassName &&
    one.terminationGracePeriodSeconds === other.terminationGracePeriodSeconds &&
    one.nodeSelector === other.nodeSelector &&
    one.tolerations.length === other.tolerations.length &&
    one.tolerations.every((toleration, i) => toleration === other.tolerations[i])
  );
}

const NOTHING = PodSpec.create();
