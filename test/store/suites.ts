/** What every engine, however it is deployed, must do: all that the port asks but having a place for itself. */
import { activeSuite } from './active.ts';
import { appendSuite } from './append.ts';
import { claimsSuite } from './claims.ts';
import { controlSuite } from './control.ts';
import { crashSuite } from './crash.ts';
import type { Engine } from './engine.ts';
import { idempotenceSuite } from './idempotence.ts';
import { listsSuite } from './lists.ts';
import { logBoundSuite } from './log-bound.ts';
import { modelSuite } from './model-check.ts';
import { retentionSuite } from './retention.ts';
import { serversSuite } from './servers.ts';
import { specsSuite } from './specs.ts';
import { streamsSuite } from './streams.ts';
import { tailSuite } from './tail.ts';
import { termsSuite } from './terms.ts';
import { versionsSuite } from './versions.ts';

const SUITES = [
  activeSuite,
  appendSuite,
  claimsSuite,
  controlSuite,
  crashSuite,
  idempotenceSuite,
  listsSuite,
  logBoundSuite,
  modelSuite,
  retentionSuite,
  serversSuite,
  specsSuite,
  streamsSuite,
  tailSuite,
  termsSuite,
  versionsSuite,
];

export function portSuites(engine: Engine): void {
  for (const suite of SUITES) suite(engine);
}
