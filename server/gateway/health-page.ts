import type { Door } from '../door/call.ts';
import type { Page } from './http.ts';
import { textForOperators } from './operators-page.ts';

export interface HealthPageDeps {
  /** What is not in order; empty when all is well. */
  health: () => Promise<string[]> | string[];
  /** What people should know though all is well. */
  notices: () => readonly string[];
  /** What this server is, for operators who ask for more. */
  describe: () => readonly string[];
  door: Door;
}

/**
 * The page `/health` in Armada's form: an empty 204, or 503 with a line for each
 * fault. Where there is something to say though nothing is wrong, 200 and a line for it.
 * Nobody is refused: who asks for more and may not have it gets what all get.
 */
export function healthPage({ health, notices, describe, door }: HealthPageDeps): Page {
  return (server, { admission }) => {
    server.get<{ Querystring: { verbose?: string } }>('/health', async (request, reply) => {
      let faults: string[];
      try {
        faults = await health();
      } catch {
        faults = ['the state of health could not be found out'];
      }
      const lines = [...faults, ...notices()];
      if (request.query.verbose !== undefined) {
        const entrance = { door, admission, rank: 'vital' } as const;
        const more = await textForOperators(entrance, { request, reply }, () => describe().join('\n'));
        if (typeof more === 'string') lines.push(more);
      }
      if (lines.length === 0) return await reply.code(204).send();
      return await reply
        .code(faults.length > 0 ? 503 : 200)
        .type('text/plain')
        .send(`${lines.join('\n')}\n`);
    });
  };
}
