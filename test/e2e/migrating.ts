// Runs armada-server migrate and check, as their launcher does.
import { once } from 'node:events';
import { type Program, startProgram } from './programs.ts';

/** How a program ended, and what it said. */
export interface Run {
  code: number | null;
  text: string;
}

export function startMigration(from: string, to: string): Program {
  return startProgram('server/migrate.ts', ['--from', from, '--to', to]);
}

export async function migrate(from: string, to: string): Promise<Run> {
  return await ended(startMigration(from, to));
}

/** Runs armada-server check. */
export async function checkStore(url: string): Promise<Run> {
  return await ended(startProgram('server/check.ts', ['--store', url]));
}

async function ended({ process: child, lines }: Program): Promise<Run> {
  await once(child, 'close');
  return { code: child.exitCode, text: lines.join('\n') };
}
