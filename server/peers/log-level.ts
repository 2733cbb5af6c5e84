/** How much the servers of a store log: each tells of its own, and changes it when another asks. */
import type { GetLogLevelResponse } from '@armada-ts/api/armada/operator/v1/log_level';
import { type ChangeLogLevelRequest, ChangeLogLevelResponse } from '@armada-ts/api/armada/server/v1/peers';
import { invalidField } from '../base/errors.ts';
import { LOG_LEVELS, type LogLevels } from '../base/log-levels.ts';
import type { LogLevel } from '../base/logger.ts';
import { shown } from '../model/names.ts';
import type { Channels, Peer } from './channels.ts';
import type { Members } from './members.ts';

export interface LogLevelDeps {
  members: Members;
  channels: Channels;
  levels: LogLevels;
}

/** A server that takes longer is as good as away. */
const ANSWER_MS = 2_000;

/**
 * Changes what is logged here, if so asked: an empty level is what was
 * configured. Throws INVALID_REQUEST.
 */
export function changeLogLevel(
  levels: LogLevels,
  { component, level }: ChangeLogLevelRequest,
): ChangeLogLevelResponse {
  if (level !== undefined) levels.set(component || undefined, levelOf(level));
  const told = levels.list().filter((one) => component === '' || one.component === component);
  return ChangeLogLevelResponse.fromPartial({ levels: told });
}

/**
 * The same at all living servers at once. A component that only some have is
 * told of by those. Throws INVALID_REQUEST.
 */
export async function changeEverywhere(
  { members, channels, levels }: LogLevelDeps,
  request: ChangeLogLevelRequest,
): Promise<GetLogLevelResponse> {
  const here = changeLogLevel(levels, request);
  const peers = channels.all();
  const answers = await Promise.all(peers.map((peer) => ask(peer, request)));
  const told = answers.flatMap((answer, i) => rowsOf(peers[i]?.member.name, answer));
  const unreached = peers.filter((_, i) => !answers[i]).map(({ member }) => member.name);
  return { levels: [...rowsOf(members.self.name, here), ...told], unreached };
}

function rowsOf(server = '', answer?: ChangeLogLevelResponse) {
  return (answer?.levels ?? []).map((one) => ({ ...one, server }));
}

/** Undefined when it does not answer. */
function ask(peer: Peer, request: ChangeLogLevelRequest): Promise<ChangeLogLevelResponse | undefined> {
  return new Promise((resolve) => {
    peer.client.changeLogLevel(request, peer.metadata(), peer.deadline(ANSWER_MS), (error, answer) => {
      if (error) peer.failed(error);
      resolve(error ? undefined : answer);
    });
  });
}

/** Undefined for what was configured. */
function levelOf(text: string): LogLevel | undefined {
  if (text === '') return undefined;
  const found = LOG_LEVELS.find((level) => level === text);
  if (!found)
    throw invalidField('level', `must be one of ${LOG_LEVELS.join(', ')}, or empty, got ${shown(text)}`);
  return found;
}
