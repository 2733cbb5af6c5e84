import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Authorizer } from '../auth/authorizer.ts';
import type { Caller, Chain } from '../auth/chain.ts';
import { ArmadaError } from '../base/errors.ts';
import type { Door } from '../door/call.ts';
import { GRPC_CODES } from '../door/errors.ts';
import { callerOf, sentValues } from './incoming.ts';
import { HTTP_STATUS } from './rest/status.ts';

/** What is told, in the text format of Prometheus. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Who may read it. */
export interface Gate extends Pick<Door, 'findClient'> {
  chain: Chain;
  authorizer: Authorizer;
}

/** The page `/metrics`. @param gate operators only; everybody when left out */
export function metricsPage(metrics: Metrics, gate?: Gate) {
  return (server: FastifyInstance): void => {
    server.get('/metrics', async (request, reply) => {
      const caller = callerOf(gate ?? {}, request.raw);
      try {
        if (gate) await enter(gate, sentValues(request.raw, 'authorization'), caller);
      } catch (error) {
        const next = caller.reply === undefined ? gate?.chain.challenges : [caller.reply];
        return await refuse(reply, error, next ?? []);
      }
      const text = await metrics.text();
      return await reply.type(metrics.contentType).header('cache-control', 'no-store').send(text);
    });
  };
}

async function enter(
  { chain, authorizer }: Gate,
  authorization: readonly string[],
  caller: Caller,
): Promise<void> {
  authorizer.demand(await chain.authenticate(authorization, caller), 'operate');
}

function refuse(reply: FastifyReply, error: unknown, challenges: readonly string[]): FastifyReply {
  if (!(error instanceof ArmadaError)) throw error;
  if (error.code === 'UNAUTHENTICATED') reply.header('www-authenticate', [...challenges]);
  return reply.code(HTTP_STATUS[GRPC_CODES[error.code]]).type('text/plain').send(`${error.message}\n`);
}
