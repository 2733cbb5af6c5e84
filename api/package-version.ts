import { readFileSync } from 'node:fs';

/** Version of the package that a module belongs to, whether it runs from its sources or from what is built of them. */
export function packageVersion(moduleUrl: string): string {
  for (let url = new URL('./package.json', moduleUrl); ; url = new URL('../package.json', url)) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(url, 'utf8'));
      if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) {
        return String(manifest.version);
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
    if (url.pathname === '/package.json') return 'of unknown version';
  }
}
