/**
 * What operators have set for executors and their nodes: which get nothing new,
 * and which are being emptied. A drain is no request that is carried out once,
 * but holds for as long as it is set: whoever leads takes from such a place
 * every run that has come to be there.
 */
import { JobRunState } from '@armada-ts/api/api/job';
import { Drain, type ExecutorSettings, type RunRecord } from '@armada-ts/api/armada/store/v1/store';
import { type Place, settingsName } from '../model/executor-settings.ts';

/** By the name of the settings. */
export type Places = Map<string, ExecutorSettings>;

/** Takes over what has been set for a place. */
export function setPlace(places: Places, settings: ExecutorSettings): void {
  places.set(settingsName(settings), settings);
}

/** Whether the place gets nothing new. Of a node this says nothing about its executor. */
export function isCordoned(places: Places, place: Place): boolean {
  return places.size > 0 && places.get(settingsName(place))?.cordoned === true;
}

/** The drain by which the run is to be taken from its node, if it stands in one. */
export function drainOf(
  places: Places,
  { executorId, node, state }: Pick<RunRecord, 'executorId' | 'node' | 'state'>,
): ExecutorSettings | undefined {
  if (places.size === 0) return undefined;
  for (const place of [
    { executorId, node: '' },
    { executorId, node },
  ]) {
    const settings = places.get(settingsName(place));
    if (settings?.drain === Drain.DRAIN_ALL) return settings;
    if (settings?.drain === Drain.DRAIN_NOT_RUNNING && state !== JobRunState.RUN_STATE_RUNNING)
      return settings;
  }
  return undefined;
}
