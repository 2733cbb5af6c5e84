// Every way into a server for the methods of the table of permissions.
import assert from 'node:assert/strict';
import type { Client, Metadata } from '@grpc/grpc-js';
import { type AnyMethod, call, type Outcome } from './calls.ts';
import { ROWS, type Row, type Target } from './permission-table.ts';
import { restCall, routeOf, type Sent } from './rest-calls.ts';
import { webCall } from './web-calls.ts';

export interface Door {
  name: string;
  rows: readonly Row[];
  knock: (row: Row, target: Target, metadata: Metadata) => Promise<Outcome>;
}

/** A server as its clients see it. */
export interface Ports {
  grpc: Client;
  /** Of the HTTP port, which serves gRPC too. */
  http: Client;
  url: string;
  tls?: Sent['tls'];
}

/** Not for browsers, nor for whoever stands where only HTTP gets through. */
const INTERNAL = /^\/(executorapi|armada\.executor|grpc\.reflection)\.|PeerService/;

/**
 * All methods are there by gRPC, by REST those that have a route, and by the
 * others those that are for users.
 * @param ports asked for with every call: the server may not be there yet
 * @param methods of the contract, by path
 */
export function doorsOf(ports: () => Ports, methods: ReadonlyMap<string, AnyMethod>): readonly Door[] {
  const methodOf = ({ path }: Row): AnyMethod => {
    const method = methods.get(path);
    assert.ok(method, `the contract has no ${path}`);
    return method;
  };
  const forUsers = ROWS.filter(({ path }) => !INTERNAL.test(path));
  return [
    {
      name: 'gRPC',
      rows: ROWS,
      knock: (row, target, metadata) => call(ports().grpc, methodOf(row), row.request(target), metadata),
    },
    {
      name: 'REST',
      rows: ROWS.filter(({ path }) => routeOf(path)),
      knock: (row, target, metadata) => {
        const { url, tls } = ports();
        return restCall(url, routeOf(row.path)!, row.request(target), { metadata, tls });
      },
    },
    {
      name: 'gRPC on the HTTP port',
      rows: forUsers,
      knock: (row, target, metadata) => call(ports().http, methodOf(row), row.request(target), metadata),
    },
    ...(['Connect', 'gRPC-Web'] as const).map(
      (protocol): Door => ({
        name: protocol,
        rows: forUsers,
        knock: (row, target, metadata) => {
          const { url, tls } = ports();
          return webCall(url, protocol, {
            method: methodOf(row),
            request: row.request(target),
            metadata,
            tls,
          });
        },
      }),
    ),
  ];
}
