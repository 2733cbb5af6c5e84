import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';

export function define(command: Command, context: CommandContext): void {
  command.action(() => {
    const version = ownVersion();
    const { node } = process.versions;
    context.output.fact({
      name: version,
      line: () => `armadactl ${version} (Node ${node})`,
      json: () => ({ version, node }),
    });
  });
}

/** The package's file lies one folder up from the sources, and one more from what is built of them. */
function ownVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
      if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) {
        return String(manifest.version);
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  return 'of unknown version';
}
