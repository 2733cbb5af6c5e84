import type { ExecutorConfig, NodeGroupConfig } from './config.ts';
import type { NodeGroup } from './nodes.ts';

/** What a machine has. */
export interface Machine {
  cores: number;
  memoryBytes: number;
  freeDiskBytes: number;
  /** As Node names it: `linux`, `darwin`. */
  platform: string;
  /** As Node names it: `x64`, `arm64`. */
  architecture: string;
}

/** Share of the machine's memory that is offered when nothing else is said: the rest is for the machine itself. */
const MEMORY_SHARE = 0.8;

/**
 * The configured groups of nodes with everything filled in. What is not
 * configured is the machine's, shared out equally among all nodes on it, so that
 * together they never offer more than there is. Pure.
 * @param machine undefined for nodes that do not exist
 */
export function nodeGroups(config: ExecutorConfig, machine: Machine | undefined): NodeGroup[] {
  const count = config.nodes.reduce((sum, group) => sum + group.count, 0);
  const share = machine === undefined ? SIMULATED_NODE : shareOf(machine, count);
  const defaultName = machine === undefined ? 'simulated' : 'local';
  return config.nodes.map((group, i) => ({
    name: group.name ?? (config.nodes.length === 1 ? defaultName : `${defaultName}-${i}`),
    count: group.count,
    resources: resourcesOf(group, share),
    labels: { ...(machine && labelsOf(machine)), ...group.labels },
    taints: group.taints,
    pool: group.pool ?? config.pool,
  }));
}

/** The labels Kubernetes puts on every node, by which pod specs choose a platform. */
function labelsOf({ platform, architecture }: Machine): Record<string, string> {
  const arch = architecture === 'x64' ? 'amd64' : architecture;
  return { 'kubernetes.io/os': platform, 'kubernetes.io/arch': arch };
}

interface Share {
  cpu: string;
  memory: string;
  ephemeralStorage: string;
}

const SIMULATED_NODE: Share = { cpu: '16', memory: '64Gi', ephemeralStorage: '256Gi' };

function shareOf(machine: Machine, count: number): Share {
  return {
    cpu: `${Math.floor((machine.cores * 1_000) / count)}m`,
    memory: wholeMebibytes((machine.memoryBytes * MEMORY_SHARE) / count),
    ephemeralStorage: wholeMebibytes(machine.freeDiskBytes / count),
  };
}

function wholeMebibytes(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)}Mi`;
}

function resourcesOf(group: NodeGroupConfig, share: Share): Record<string, string> {
  return {
    cpu: group.cpu ?? share.cpu,
    memory: group.memory ?? share.memory,
    'ephemeral-storage': group.ephemeralStorage ?? share.ephemeralStorage,
    ...group.resources,
  };
}
