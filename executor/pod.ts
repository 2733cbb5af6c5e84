/** Name of the pod of a job, as Armada's executor gives it; ours has no pod, but events carry the name. */
export function podName(jobId: string): string {
  return `armada-${jobId}-0`;
}
