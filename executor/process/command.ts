/**
 * From a container of a pod spec to what is handed to the shim. Follows
 * Kubernetes where it has a rule (order of variables, `$(NAME)`), and refuses by
 * name what this runtime cannot give.
 */
import type { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import type { Container, EnvVar, PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';

/** What a container may know about its run. */
export interface RunFacts {
  lease: JobRunLease;
  podName: string;
  namespace: string;
  node: string;
}

export interface Command {
  /** `NAME=value`, each name once. */
  environment: string[];
  /** Program and arguments. */
  argv: string[];
  /** Undefined for the run's own empty directory. */
  workingDirectory: string | undefined;
}

/** The pod cannot be run by this runtime; the message names the field. */
export class UnsupportedPod extends Error {}

/** Variables of the executor that a command gets; no other, for the rest may hold secrets. */
export const INHERITED_VARIABLES = ['PATH', 'HOME', 'LANG', 'TZ', 'USER'] as const;

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Characters that variables, command and arguments may come to: Linux takes 2 MiB of bytes. */
const MAX_EXPANDED_LENGTH = 512 * 1024;

/** The pod spec of a lease. Throws UnsupportedPod. */
export function podSpecOf(lease: JobRunLease): PodSpec {
  const spec = lease.job?.mainObject?.object?.value.podSpec;
  if (spec === undefined) throw new UnsupportedPod('the lease has no pod spec');
  if (spec.containers.length === 0) throw new UnsupportedPod('pod_spec.containers is empty');
  return spec;
}

/**
 * What to run for a container.
 * @param field path of the container in the pod spec, for messages
 * @param inherited the executor's own environment
 * Throws UnsupportedPod.
 */
export function commandOf(
  container: Container,
  field: string,
  facts: RunFacts,
  inherited: Readonly<Record<string, string | undefined>>,
): Command {
  if (container.envFrom.length > 0) {
    throw new UnsupportedPod(`${field}.envFrom is not supported by the process runtime`);
  }
  const own = new Map(armadaVariables(facts.lease));
  let length = 0;
  const measured = (text: string): string => {
    length += text.length;
    if (length <= MAX_EXPANDED_LENGTH) return text;
    throw new UnsupportedPod(`${field} has variables that expand to more than a command can be given`);
  };
  container.env.forEach((variable, i) => {
    const name = variable.name ?? '';
    if (!/^[^=\0]+$/.test(name)) throw new UnsupportedPod(`${field}.env[${i}].name "${name}" is not a name`);
    own.set(name, measured(valueOf(variable, `${field}.env[${i}]`, facts, own)));
  });
  const argv = [...container.command, ...container.args].map((word) => measured(expand(word, own)));
  if (argv.length === 0) {
    throw new UnsupportedPod(
      `${field} needs a command: the process runtime runs programs of this machine, not images`,
    );
  }
  const unusable = [...argv, ...own.values()].some((text) => text.includes('\0'));
  if (unusable) throw new UnsupportedPod(`${field} has a NUL character in its command or a variable`);
  if ([...argv, ...Array.from(own, ([name, value]) => `${name}=${value}`)].some(isTooLong)) {
    throw new UnsupportedPod(`${field} has an argument or a variable longer than 128 KiB`);
  }
  const environment = new Map<string, string>([['PATH', DEFAULT_PATH]]);
  for (const name of INHERITED_VARIABLES) {
    const value = inherited[name];
    if (value !== undefined) environment.set(name, value);
  }
  for (const [name, value] of own) environment.set(name, value);
  return {
    environment: Array.from(environment, ([name, value]) => `${name}=${value}`),
    argv: runnable(argv),
    workingDirectory: container.workingDir === '' ? undefined : container.workingDir,
  };
}

/** The longest that Linux takes (execve(2): MAX_ARG_STRLEN), with a zero at the end. */
function isTooLong(word: string): boolean {
  return Buffer.byteLength(word) >= 128 * 1024;
}

/** Set for every job as Armada's executor does, unless the job sets them itself. */
function armadaVariables(lease: JobRunLease): [string, string][] {
  return [
    ['ARMADA_JOB_ID', lease.job?.jobId ?? ''],
    ['ARMADA_QUEUE', lease.queue],
    ['ARMADA_JOB_SET_ID', lease.jobset],
  ];
}

function valueOf(
  variable: EnvVar,
  field: string,
  facts: RunFacts,
  earlier: ReadonlyMap<string, string>,
): string {
  const from = variable.valueFrom;
  if (from === undefined) return expand(variable.value ?? '', earlier);
  if (from.fieldRef !== undefined) return podField(from.fieldRef.fieldPath ?? '', field, facts);
  throw new UnsupportedPod(`${field}.valueFrom is supported by the process runtime for fieldRef only`);
}

/** The downward API, as far as a run without a pod has an answer. */
function podField(path: string, field: string, facts: RunFacts): string {
  const meta = facts.lease.job?.objectMeta;
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (keyed !== null)
    return meta?.[keyed[1] === 'labels' ? 'labels' : 'annotations'].get(keyed[2] ?? '') ?? '';
  switch (path) {
    case 'metadata.name':
      return facts.podName;
    case 'metadata.namespace':
      return facts.namespace;
    case 'metadata.uid':
      return facts.lease.jobRunId;
    case 'spec.nodeName':
      return facts.node;
    default:
      throw new UnsupportedPod(
        `${field}.valueFrom.fieldRef.fieldPath "${path}" is not supported by the process runtime`,
      );
  }
}

/**
 * Replaces `$(NAME)` by the value of a variable defined before; an unknown name
 * stays as it is, and `$$` stands for `$` (Kubernetes: dependent environment
 * variables). Throws UnsupportedPod when it becomes too long: variables made of
 * each other double with every line of the pod spec.
 */
export function expand(text: string, variables: ReadonlyMap<string, string>): string {
  let length = text.length;
  return text.replace(/\$\$|\$\(([^()]+)\)/g, (found, name: string | undefined) => {
    const value = name === undefined ? '$' : (variables.get(name) ?? found);
    length += value.length - found.length;
    if (length > MAX_EXPANDED_LENGTH) throw new UnsupportedPod('variables expand to more than can be given');
    return value;
  });
}

/** `env` would take a program called `a=b` for a variable. */
function runnable(argv: string[]): string[] {
  return argv[0]?.includes('=') ? ['/bin/sh', '-c', 'exec "$0" "$@"', ...argv] : argv;
}
