import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { bufCommand, copyProtos, plant, root, run } from './proto-copy.ts';

const checker = join(import.meta.dirname, 'check.mjs');

test('every fact of the wire contract holds for the generated descriptors', () => {
  const { status, output } = run(root, process.execPath, checker, 'api/generated/descriptors.binpb');
  assert.equal(status, 0, output);
  assert.match(output, /^contract: 2129 of 2129 facts hold /m);
});

test('the contract check names each fact that planted faults break, and no other', (t) => {
  const copy = copyProtos(t);
  const edits = [
    {
      file: 'api/proto/api/submit.proto',
      from: 'string external_job_uri = 13;',
      to: 'string external_job_uri = 14;',
    },
    {
      file: 'api/proto/api/submit.proto',
      from: 'post: "/v1/jobset/cancel"',
      to: 'post: "/v1/job-set/cancel"',
    },
    {
      file: 'api/proto/api/event.proto',
      from: 'rpc Report(EventMessage) returns (google.protobuf.Empty) {}',
      to: '',
    },
    { file: 'api/proto/api/job.proto', from: 'REJECTED = 10;', to: 'REJECTED = 11;' },
    {
      file: 'api/proto/lookout/lookout.proto',
      from: 'uint32 jobs_succeeded = 6;',
      to: 'uint64 jobs_succeeded = 6;',
    },
  ];
  for (const edit of edits) plant(copy, edit);
  const built = run(copy, bufCommand, 'build', '--output', 'faulty.binpb');
  assert.equal(built.status, 0, built.output);

  const { status, output } = run(copy, process.execPath, checker, 'faulty.binpb');
  assert.equal(status, 1, output);
  const lines = output.trimEnd().split('\n');
  const broken = [
    /field api\.JobSubmitRequestItem\.external_job_uri = 13 .*: has number 14/,
    /http POST \/v1\/jobset\/cancel .*\(api\.Submit\/CancelJobSet\)/,
    /missing {2}rpc api\.Event\/Report /,
    /enum value api\.JobState\.REJECTED = 10: number is 11/,
    /field lookout\.JobSetInfo\.jobs_succeeded = 6 .*: type is uint64/,
  ];
  for (const pattern of broken)
    assert.ok(
      lines.some((line) => pattern.test(line)),
      `${pattern} in\n${output}`,
    );
  assert.equal(
    lines.at(-1)?.startsWith(`contract: ${2129 - broken.length} of 2129 facts hold`),
    true,
    output,
  );
});

test('proto-check promises nothing before the first release, and holds every release to its promise', (t) => {
  const copy = copyProtos(t);
  const check = () => run(copy, process.execPath, 'test/proto-check.mjs');
  const git = (...args: string[]) => {
    const settings = [
      'user.name=test',
      'user.email=test@example.org',
      'commit.gpgSign=false',
      'core.hooksPath=',
    ];
    const { status, output } = run(copy, 'git', ...settings.flatMap((setting) => ['-c', setting]), ...args);
    assert.equal(status, 0, output);
  };

  git('init', '--quiet');
  git('add', 'api', 'buf.yaml');
  git('commit', '--quiet', '--message', 'protos');
  const unreleased = check();
  assert.equal(unreleased.status, 0, unreleased.output);
  assert.match(unreleased.output, /no release tag/);

  git('tag', 'v0.9.0');
  git('tag', 'v0.10.0');
  const released = check();
  assert.equal(released.status, 0, released.output);
  assert.match(released.output, /nothing breaks what v0\.10\.0 promised/);

  plant(copy, { file: 'api/proto/api/job.proto', from: '  string client_id = 13;\n', to: '' });
  const broken = check();
  assert.notEqual(broken.status, 0, broken.output);
  assert.match(broken.output, /job\.proto:.*field "13" with name "client_id" on message "Job" was deleted/);
});
