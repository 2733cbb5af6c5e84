// The methods about who somebody is, about access keys and tokens, for the table of permissions.
import type { Outcome } from './calls.ts';
import type { Row } from './permission-table.ts';

const KEYS = '/armada.auth.v1.KeyService';

export const KEY_ROWS: readonly Row[] = [
  {
    path: '/armada.auth.v1.IdentityService/GetIdentity',
    demand: 'authenticated',
    request: () => ({}),
    isDone: ({ answer }) => Boolean(answer && 'name' in answer && answer.name),
  },
  { path: '/armada.server.v1.PeerService/ReadKeyring', demand: 'peer', request: () => ({}) },
  {
    path: `${KEYS}/CreateKey`,
    demand: 'authenticated',
    request: () => ({ description: '' }),
    // Everybody comes by several doors.
    isDone: ({ code, error }) => code === 'OK' || error?.reason === 'KEY_LIMIT',
  },
  { path: `${KEYS}/ListKeys`, demand: 'authenticated', request: () => ({ owner: '' }) },
  { path: `${KEYS}/ListKeys`, demand: 'operate', request: () => ({ owner: 'somebody' }) },
  {
    path: `${KEYS}/SetKeyDisabled`,
    demand: 'authenticated',
    request: () => ({ id: 'none', disabled: true }),
    isDone: ({ error }) => error?.reason === 'KEY_NOT_FOUND',
  },
  {
    path: `${KEYS}/DeleteKey`,
    demand: 'authenticated',
    request: () => ({ id: 'none' }),
    isDone: ({ error }) => error?.reason === 'KEY_NOT_FOUND',
  },
  {
    path: `${KEYS}/CreateToken`,
    demand: 'anyone',
    request: () => ({ accessKey: 'none', secret: 'none' }),
    isDone: isWrongPair,
  },
  {
    path: '/armada.auth.v1.KeyQueryService/GetToken',
    demand: 'anyone',
    request: () => ({ accessKey: 'none', secret: 'none' }),
    isDone: isWrongPair,
  },
];

/** Whoever comes without credentials is let in, as these are in the request. */
function isWrongPair({ error }: Outcome): boolean {
  return error?.message === 'the access key or its secret is wrong';
}
