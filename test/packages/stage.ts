// The packages as they are published: built and packed from a copy of the
// checkout, so that neither sources nor what others do with the checkout are in
// the way.
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { delimiter, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../e2e/programs.ts';

const execute = promisify(execFile);

const PACKAGES = ['api', 'client', 'server', 'executor', 'armadactl'];
const FILES = ['package.json', 'LICENSE', 'build.mjs', 'tsconfig.json', 'tsconfig.build.json'];
const LEFT_OUT = /(?:^|\/)(?:node_modules|dist|testing)$|\.test\.ts$/;

/**
 * The environment for programs of a project: this Node first, whatever the
 * system has, and none of the settings that npm hands on when it runs the tests.
 */
export const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))),
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
};

/** Runs a program to its end and gives what it wrote; a failure shows all of it. */
export async function run(directory: string, program: string, ...args: string[]): Promise<string> {
  try {
    const options = { cwd: directory, env: environment, maxBuffer: 16 * 1024 * 1024 };
    return (await execute(program, args, options)).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

/** Copies what packages are built from to `directory`, with dependencies linked. */
export async function stageSources(directory: string): Promise<void> {
  for (const name of [...FILES, ...PACKAGES]) {
    await cp(join(root, name), join(directory, name), {
      recursive: true,
      filter: (path) => !LEFT_OUT.test(relative(root, path)),
    });
  }
  const modules = join(directory, 'node_modules');
  await mkdir(join(modules, '@armada-ts'), { recursive: true });
  for (const name of PACKAGES) await symlink(join(directory, name), join(modules, '@armada-ts', name));
  for (const name of await readdir(join(root, 'node_modules'))) {
    if (name !== '@armada-ts') await symlink(join(root, 'node_modules', name), join(modules, name));
  }
}

/** Packs every package of staged sources, which builds them; gives the tarballs. */
export async function packAll(sources: string, directory: string): Promise<string[]> {
  await mkdir(directory);
  await run(sources, 'npm', 'pack', '--pack-destination', directory, ...PACKAGES.map((name) => `./${name}`));
  return (await readdir(directory)).map((name) => join(directory, name));
}
