import type { JobSetInfo } from '@armada-ts/api/api/queue';
import type { View } from './view.ts';

export const jobSetView: View<JobSetInfo> = {
  kind: 'JobSet',
  name: ({ name }) => name,
  json: ({ name, queuedJobs, leasedJobs }) => ({ name, queuedJobs, leasedJobs }),
  preferred: 'table',
  columns: [
    { title: 'JOB SET', cell: ({ name }) => name, isElastic: true },
    { title: 'QUEUED', cell: ({ queuedJobs }) => String(queuedJobs) },
    { title: 'LEASED', cell: ({ leasedJobs }) => String(leasedJobs) },
  ],
};
