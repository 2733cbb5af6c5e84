import type { AccessKeyInfo } from '@armada-ts/client/access-keys';
import { secondText } from './second-text.ts';
import type { View } from './view.ts';

export const keyView: View<AccessKeyInfo> = {
  kind: 'AccessKey',
  name: ({ id }) => id,
  json: (key, toJson) => toJson('armada.auth.v1.AccessKeyInfo', key),
  preferred: 'table',
  columns: [
    { title: 'KEY', cell: ({ id }) => id },
    {
      title: 'IN USE',
      cell: ({ disabled }) => (disabled ? 'no' : 'yes'),
      colour: ({ disabled }) => (disabled ? 'yellow' : undefined),
    },
    { title: 'CREATED', cell: ({ created }) => secondText(created) },
    { title: 'DESCRIPTION', cell: ({ description }) => description || '-', isElastic: true },
  ],
};
