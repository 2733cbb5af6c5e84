/** This server as a whole: what it is, how it copes, how far its log is. */
import type { Admission } from '../door/admission.ts';
import type { HubFigures } from '../events/hub.ts';
import type { ServerRecord } from '../store/servers.ts';
import type { Store } from '../store/store.ts';
import type { Family, Sample, Source } from './metrics.ts';

export interface ServerToMeasure {
  store: Pick<Store, 'info'>;
  members: { readonly self: ServerRecord; others(): readonly ServerRecord[] };
  hub: { measure(): HubFigures };
  admission: Pick<Admission, 'refused'>;
  lateness: { lateMs(): number };
  /** Number of the last log entry that was followed, by partition. */
  followed: () => readonly number[];
}

export function serverMetrics({
  store,
  members,
  hub,
  admission,
  lateness,
  followed,
}: ServerToMeasure): Source {
  return () => {
    const { name, version } = members.self;
    const { feeds, watchers, keptBytes } = hub.measure();
    const about = { name, version, store: store.info.name, acknowledgement: store.info.acknowledgement };
    return [
      gauge('armada_server_info', 'Always 1; its labels say what this server is.', 1, about),
      gauge('armada_server_servers', 'Servers of the store, this one included.', 1 + members.others().length),
      gauge(
        'armada_server_late_seconds',
        'How far the main thread is behind with what it is to do.',
        Math.max(0, lateness.lateMs()) / 1000,
      ),
      {
        name: 'armada_server_calls_refused_total',
        help: 'Calls refused before they were read, for there was too much to do.',
        type: 'counter',
        samples: Object.entries(admission.refused).map(([rank, value]) => sample(value, { rank })),
      },
      {
        name: 'armada_store_log_entries_total',
        help: 'Entries of the log that were followed, from the beginning of the store.',
        type: 'counter',
        samples: followed().map((value, partition) => sample(value, { partition: String(partition) })),
      },
      gauge('armada_event_watched_job_sets', 'Job sets whose events somebody is waiting for.', feeds),
      gauge('armada_event_watchers', 'Readers of events, those that wait and those that catch up.', watchers),
      gauge('armada_event_kept_bytes', 'Encoded events that are kept for watchers.', keptBytes),
    ];
  };
}

function sample(value: number, labels: Sample['labels'] = {}): Sample {
  return { labels, value };
}

function gauge(name: string, help: string, value: number, labels?: Sample['labels']): Family {
  return { name, help, type: 'gauge', samples: [sample(value, labels)] };
}
