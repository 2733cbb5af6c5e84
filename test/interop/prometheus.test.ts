// What a server tells Prometheus, read by Prometheus' own library for Python.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect, createQueue } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { root, temporaryDirectory } from '../e2e/programs.ts';
import { startServer } from '../e2e/server.ts';
import { lacks, pythonWith, run } from './tools.ts';

const skip = lacks('python3', ['--version'], '3.10');
const directory = await temporaryDirectory({ after });

interface Read {
  type: string;
  samples: [name: string, labels: Record<string, string>, value: number][];
}

test("a scrape is read by Prometheus' library as it is meant", { skip }, async (t) => {
  const python = await pythonWith('test/interop/prometheus/requirements.txt');
  const store = { acknowledgement: 'local' } as const;
  const server = await startServer(directory, { auth: standaloneAuth, store, metrics: { port: 0 } });
  t.after(() => server.kill('SIGKILL'));
  const [, metricsUrl = ''] = await server.line(/metrics (http:\S+)/);
  const connection = connect({ address: server.address });
  t.after(() => connection.close());
  await createQueue(connection, { name: 'read', priorityFactor: 3 });

  const scrape = join(directory, 'scrape');
  await writeFile(scrape, await (await fetch(metricsUrl)).text());
  const script = join(root, 'test/interop/prometheus/families.py');
  const { stdout } = await run('sh', ['-c', 'exec "$0" "$1" < "$2"', python, script, scrape]);
  const families = JSON.parse(stdout) as Record<string, Read>;
  const created = families['grpc_server_handled']?.samples.find(
    ([, labels]) => labels['grpc_method'] === 'CreateQueue',
  );
  assert.deepEqual(created?.[1], {
    protocol: 'grpc',
    grpc_type: 'unary',
    grpc_service: 'api.QueueService',
    grpc_method: 'CreateQueue',
    grpc_code: 'OK',
  });
  assert.equal(created[2], 1);
  assert.equal(families['grpc_server_handling_seconds']?.type, 'histogram');
  const priority = ['armada_queue_priority', { queueName: 'read', queue: 'read' }, 3];
  assert.deepEqual(families['armada_queue_priority']?.samples, [priority]);
  assert.equal(families['armada_scheduler_leader_status']?.type, 'gauge');
});
