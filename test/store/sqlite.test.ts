import { activeSuite } from './active.ts';
import { appendSuite } from './append.ts';
import { claimsSuite } from './claims.ts';
import { controlSuite } from './control.ts';
import { crashSuite, exclusiveSuite } from './crash.ts';
import { idempotenceSuite } from './idempotence.ts';
import { listsSuite } from './lists.ts';
import { modelSuite } from './model-check.ts';
import { retentionSuite } from './retention.ts';
import { specsSuite } from './specs.ts';
import { engine } from './sqlite.engine.ts';
import { streamsSuite } from './streams.ts';
import { tailSuite } from './tail.ts';
import { termsSuite } from './terms.ts';
import { versionsSuite } from './versions.ts';

const suites = [
  activeSuite,
  appendSuite,
  claimsSuite,
  controlSuite,
  crashSuite,
  exclusiveSuite,
  idempotenceSuite,
  listsSuite,
  modelSuite,
  retentionSuite,
  specsSuite,
  streamsSuite,
  tailSuite,
  termsSuite,
  versionsSuite,
];
for (const suite of suites) suite(engine);
