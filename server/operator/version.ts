/** What this server is, and whether it goes with the client that asks. */
import { readFileSync } from 'node:fs';
import type { GetVersionResponse } from '@armada-ts/api/armada/operator/v1/cluster';
import type { Store } from '../store/store.ts';
import { judgeClient, OLDEST_CLIENT } from './client-version.ts';

/** Month of Armada's public API that is served. */
const API_VERSION = '2026-08';

export interface VersionDeps {
  store: Pick<Store, 'info'>;
  /** Of this server. */
  version: string;
  /** Commit that it was built from; empty when that is not known. */
  build: string;
}

/** @param clientVersion as the client says it; empty when it does not want to be judged */
export function versionFor(
  { store, version, build }: VersionDeps,
  clientVersion: string,
): GetVersionResponse {
  return {
    version,
    apiVersion: API_VERSION,
    build,
    store: store.info.name,
    acknowledgement: store.info.acknowledgement,
    oldestClient: OLDEST_CLIENT,
    ...judgeClient(clientVersion, version),
  };
}

/** Where the build leaves the commit, seen from what was built; see build.mjs. */
const BUILT_FROM = new URL('../commit', import.meta.url);

/** Where a checkout has it, seen from the sources. */
const CHECKOUT = new URL('../../.git/', import.meta.url);

/** The commit that this program was built from or runs from; empty when that is not known. */
export function commitOf(builtFrom: URL = BUILT_FROM, checkout: URL = CHECKOUT): string {
  const built = textOf(builtFrom);
  if (built !== undefined) return hashIn(built);
  const head = textOf(new URL('HEAD', checkout)) ?? '';
  const ref = /^ref: (refs\/[\w./-]+)$/m.exec(head)?.[1];
  if (ref === undefined) return hashIn(head);
  const loose = textOf(new URL(ref, checkout));
  if (loose !== undefined) return hashIn(loose);
  const packed = textOf(new URL('packed-refs', checkout)) ?? '';
  return hashIn(packed.split('\n').find((line) => line.endsWith(` ${ref}`)) ?? '');
}

function hashIn(text: string): string {
  return /^[0-9a-f]{40,64}\b/.exec(text)?.[0] ?? '';
}

function textOf(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
