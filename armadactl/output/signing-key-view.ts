import type { GetKeyringResponse } from '@armada-ts/client/keyring';
import { secondText } from './second-text.ts';
import type { View } from './view.ts';

export type SigningKey = GetKeyringResponse['keys'][number];

/** @param servers that are alive */
export function signingKeyView(servers: number): View<SigningKey> {
  return {
    kind: 'SigningKey',
    name: ({ id }) => id,
    json: (key, toJson) => toJson('armada.operator.v1.SigningKeyStatus', key),
    preferred: 'table',
    columns: [
      { title: 'KEY', cell: ({ id }) => id },
      { title: 'PRIMARY', cell: ({ primary }) => (primary ? '*' : '') },
      {
        title: 'SERVERS',
        cell: ({ replicas }) => `${replicas}/${servers}`,
        colour: ({ replicas }) => (replicas < servers ? 'yellow' : undefined),
      },
      { title: 'ADDED', cell: ({ added }) => secondText(added) },
      { title: 'IN USE UNTIL', cell: ({ inUseUntil }) => secondText(inUseUntil) },
    ],
  };
}
