/** The servers of a store in Redis: what each says of itself is text in one hash, with its beat. */
import { z } from 'zod';
import { ArmadaError } from '../../base/errors.ts';
import type { Attendance, Servers } from '../servers.ts';
import type { Epoch } from './epoch.ts';
import { channelOf, storeKey } from './keys.ts';
import type { Argument, Reply, Script } from './node.ts';
import { listOf, type Wire } from './partition.ts';
import { LEAVE, MEET } from './scripts/servers.ts';

/** What came on the channel of the log and tells of no entry. */
export const SERVERS_MESSAGE = 'servers';

/** As a server has said it; one of a later version may say more. */
const said = z.object({
  id: z.string(),
  name: z.string(),
  address: z.string(),
  version: z.string(),
  startedAtMs: z.number(),
  beat: z.number(),
});

/** Asks with one of the servers' scripts; without the first word of the answer. Throws UNAVAILABLE when the store was lost. */
export async function askServers(
  { run, epoch }: { run: (script: Script, parameters: Argument[]) => Promise<Reply>; epoch: Epoch },
  script: Script,
  parameters: Argument[],
): Promise<{ outcome: string; values: Reply[] }> {
  const [outcome = null, ...values] = listOf(await run(script, parameters));
  if (String(outcome) !== 'lost') return { outcome: String(outcome), values };
  await epoch.lost();
  throw new ArmadaError('UNAVAILABLE', 'Redis has lost data; the servers have to meet anew');
}

/** @param wire that reads from trusted data only: nothing that is written here waits for replicas */
export function createServers(
  { wire, prefix, epoch }: { wire: Wire; prefix: string; epoch: Epoch },
  secret: Uint8Array,
): { servers: Servers; heard: () => void } {
  const listeners = new Set<() => void>();
  const key = storeKey(prefix);
  const channel = channelOf(prefix);
  let beat = 0;
  const run = async (script: Script, parameters: Argument[]): Promise<Reply> => {
    const [reply = null] = await wire.read(0, [{ script, key, parameters }]);
    return reply;
  };
  const servers: Servers = {
    secret,
    async meet(self) {
      const text = JSON.stringify({ ...self, beat: ++beat });
      const { values } = await askServers({ run, epoch }, MEET, [self.id, text, channel]);
      const [texts = null, term, leader] = values;
      const leaderId = String(leader);
      return {
        servers: listOf(texts).flatMap(attendanceOf),
        term: Number(term),
        leaderId: leaderId === '' ? undefined : leaderId,
      };
    },
    async leave(serverId) {
      await askServers({ run, epoch }, LEAVE, [serverId, channel]);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return {
    servers,
    heard() {
      for (const listener of listeners) listener();
    },
  };
}

/** Nothing, for what cannot be understood: its server may be of another make, and is none to talk to. */
function attendanceOf(text: Reply): Attendance[] {
  let value: unknown;
  try {
    value = JSON.parse(String(text));
  } catch {
    return [];
  }
  const parsed = said.safeParse(value);
  if (!parsed.success) return [];
  const { beat, ...server } = parsed.data;
  return [{ server, beat }];
}
