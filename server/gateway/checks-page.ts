import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Check, Checks } from '../operator/health.ts';

/**
 * The pages `/health` and `/ready` of the operator port, for whatever starts and
 * stops servers: whether to start this one again, and whether to send it calls.
 * They need no credentials, and say what was looked at.
 */
export function checksPage(checks: Checks) {
  return (server: FastifyInstance): void => {
    server.get('/health', (_, reply) => answer(reply, checks.alive()));
    server.get('/ready', async (_, reply) => await answer(reply, await checks.ready()));
  };
}

function answer(reply: FastifyReply, checks: readonly Check[]): FastifyReply {
  const isWell = checks.every(({ fault }) => fault === undefined);
  return reply
    .code(isWell ? 200 : 503)
    .header('cache-control', 'no-store')
    .send({
      status: isWell ? 'ok' : 'failing',
      checks: checks.map(({ name, fault }) => ({
        name,
        ok: fault === undefined,
        ...(fault !== undefined && { fault }),
      })),
    });
}
