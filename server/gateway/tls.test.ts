import { Queue, QueueServiceService } from '@armada-ts/api/api/queue';
import { QueueService } from '@armada-ts/api/es/api/queue_pb';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { type Service, unary } from '../door/method.ts';
import { makeAuthority, makeServerCertificate } from '../tls/certificate.ts';
import { openPort } from './testing/ports.ts';

const { getQueue } = QueueServiceService;
const queues: Service = {
  definition: { getQueue },
  methods: { getQueue: unary('authenticated', ({ name }: Queue) => Queue.fromPartial({ name })) },
};

const nowMs = Date.now();
const validity = { fromMs: nowMs - 60_000, untilMs: nowMs + 3_600_000 };
const authority = await makeAuthority(validity);
const own = await makeServerCertificate(authority, ['127.0.0.1', 'localhost'], validity);

const open = () =>
  openPort({
    services: [queues],
    tls: {
      isClientRequired: false,
      current: () => ({ ...own, clientAuthorities: undefined, revoked: undefined }),
      admit: () => true,
      subscribe: () => () => {},
    },
  });

test('under TLS either version of HTTP is spoken, as the client wishes', async () => {
  await using port = await open();
  const nodeOptions = { ca: authority.certificate };
  const transports = [
    createConnectTransport({ baseUrl: port.url, httpVersion: '1.1', nodeOptions }),
    createConnectTransport({ baseUrl: port.url, httpVersion: '2', nodeOptions }),
    createGrpcTransport({ baseUrl: port.url, nodeOptions }),
  ];
  const name = 'x'.repeat(500_000);
  for (const transport of transports) {
    assert.equal((await createClient(QueueService, transport).getQueue({ name })).name, name);
  }
});

test('who speaks without TLS, or offers protocols that are not spoken, is let go', async () => {
  await using port = await open();
  await assert.rejects(fetch(port.url.replace('https', 'http')));
  const socket = connect({ port: port.port, ca: authority.certificate, ALPNProtocols: ['spdy/1'] });
  await assert.rejects(once(socket, 'close'), { code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' });
});

test('a page that came without TLS is another site, though it has the same name', async () => {
  await using port = await open();
  const ask = async (origin: string) => {
    const sent = request(`${port.url}/page`, { ca: authority.certificate, headers: { origin } }).end();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    answer.resume();
    return answer.statusCode;
  };
  assert.equal(await ask(port.url), 404);
  assert.equal(await ask(port.url.replace('https', 'http')), 403);
});
