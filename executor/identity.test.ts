import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { ConfigError } from './config.ts';
import { identify } from './identity.ts';

function inDirectory(work: (directory: string) => void): void {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'armada-identity-'));
  try {
    work(directory);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

test('identify() takes the configured id, else the one before, at first the host name', () => {
  inDirectory((directory) => {
    assert.equal(identify(undefined, directory, false), os.hostname());
    assert.equal(identify('east', directory, false), 'east');
    assert.equal(identify(undefined, directory, true), 'east');
    assert.equal(identify('east', directory, true), 'east');
  });
});

test('identify() gives no runs to another executor id', () => {
  inDirectory((directory) => {
    identify('east', directory, false);
    assert.throws(() => identify('west', directory, true), ConfigError);
    assert.equal(identify(undefined, directory, true), 'east', 'nothing has changed');
    assert.equal(identify('west', directory, false), 'west', 'there is nothing to mix up');
  });
});
