// Runs armada-server migrate, as its launcher does.
import { once } from 'node:events';
import { type Program, startProgram } from './programs.ts';

/** How a migration ended, and what it said. */
export interface MigrationRun {
  code: number | null;
  text: string;
}

export function startMigration(from: string, to: string): Program {
  return startProgram('server/migrate.ts', ['--from', from, '--to', to]);
}

export async function migrate(from: string, to: string): Promise<MigrationRun> {
  const { process: child, lines } = startMigration(from, to);
  await once(child, 'close');
  return { code: child.exitCode, text: lines.join('\n') };
}
