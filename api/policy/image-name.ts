import { fitsPattern } from './name-pattern.ts';

/** An image by its whole name, without tag and digest. */
interface ImageName {
  /** Host of the registry, with its port where one is given. */
  registry: string;
  path: string;
}

/** Where images come from that name no registry, and what has no folder there. */
const DEFAULT_REGISTRY = 'docker.io';
const DEFAULT_FOLDER = 'library/';

/** Another name of it. */
const DEFAULT_ALIAS = 'index.docker.io';

const HOST = /^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d+)?$/;
const PATH_PART = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/;

/**
 * Whether an image is of one of the registries. One is the pattern of a host,
 * `registry.example.com:5000` or `*.example.com`, and perhaps of a folder below
 * it. Host and folder are compared apart, so that no folder passes for a host.
 * What is no name of an image is of none.
 */
export function fitsRegistry(registries: readonly string[], image: string): boolean {
  const name = parseImageName(image);
  return name !== undefined && registries.some((registry) => isOf(registry, name));
}

function isOf(pattern: string, { registry, path }: ImageName): boolean {
  const slash = pattern.indexOf('/');
  const host = slash < 0 ? pattern : pattern.slice(0, slash);
  if (!fitsPattern(host.toLowerCase(), registry)) return false;
  const folder = slash < 0 ? '' : pattern.slice(slash + 1).replace(/\/+$/, '');
  return folder === '' || fitsPattern(folder, path) || fitsPattern(`${folder}/*`, path);
}

/** As container runtimes read it: what stands before the first slash is a host if it looks like one. */
function parseImageName(image: string): ImageName | undefined {
  const [named = ''] = image.split('@', 1);
  const slash = named.indexOf('/');
  const first = named.slice(0, Math.max(0, slash));
  const hasHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const host = hasHost ? first.toLowerCase() : DEFAULT_REGISTRY;
  const registry = host === DEFAULT_ALIAS ? DEFAULT_REGISTRY : host;
  const path = (hasHost ? named.slice(slash + 1) : named).replace(/:[\w.-]*$/, '');
  const parts = path.split('/');
  if (!HOST.test(registry) || !parts.every((part) => PATH_PART.test(part))) return undefined;
  const isInLibrary = registry === DEFAULT_REGISTRY && parts.length === 1;
  return { registry, path: isInLibrary ? `${DEFAULT_FOLDER}${path}` : path };
}
