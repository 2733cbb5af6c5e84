import type { FastifyInstance } from 'fastify';

export interface HealthPageDeps {
  /** What is not in order; empty when all is well. */
  health: () => Promise<string[]> | string[];
  /** What people should know though all is well. */
  notices: () => readonly string[];
  /** What this server is, for whoever asks for more. */
  describe: () => readonly string[];
}

/**
 * The page `/health` in Armada's form: an empty 204, or 503 with a line for each
 * fault. Where there is something to say though nothing is wrong, 200 and a line for it.
 */
export function healthPage({ health, notices, describe }: HealthPageDeps) {
  return (server: FastifyInstance): void => {
    server.get<{ Querystring: { verbose?: string } }>('/health', async (request, reply) => {
      let faults: string[];
      try {
        faults = await health();
      } catch {
        faults = ['the state of health could not be found out'];
      }
      const isVerbose = request.query.verbose !== undefined;
      const lines = [...faults, ...notices(), ...(isVerbose ? describe() : [])];
      if (lines.length === 0) return await reply.code(204).send();
      return await reply
        .code(faults.length > 0 ? 503 : 200)
        .type('text/plain')
        .send(`${lines.join('\n')}\n`);
    });
  };
}
