import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { givenAuthorities } from './authorities.ts';
import { makeAuthority } from './certificate.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const validity = { fromMs: NOW_MS, untilMs: NOW_MS + 24 * 60 * 60 * 1000 };
const [one, other] = await Promise.all([makeAuthority(validity), makeAuthority(validity)]);

test('givenAuthorities() takes certificates alone', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'armada-authorities-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'ca.pem');
  const read = async (text: string): Promise<string> => {
    await writeFile(path, text);
    return await givenAuthorities({ setting: 'tls.clients.authorityFile', path });
  };
  const both = `# ours\n${one.certificate}# theirs\n${other.certificate}`;
  assert.equal(await read(both), `${one.certificate}${other.certificate}`);
  const damaged = one.certificate.replace(/\n.{20}/, '\n');
  for (const text of ['', one.key, damaged]) {
    await assert.rejects(read(text), {
      code: 'INVALID_REQUEST',
      message: /^tls\.clients\.authorityFile must hold certificates of authorities/,
    });
  }
});
