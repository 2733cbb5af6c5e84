// A web site whose pages can import what a browser client of the API needs,
// straight from the packages as they are installed: nothing is bundled.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { root } from '../e2e/programs.ts';

const PACKAGES = {
  '@bufbuild/protobuf': ['', '/codegenv2', '/reflect', '/wire', '/wkt'],
  '@connectrpc/connect': ['', '/protocol', '/protocol-connect', '/protocol-grpc-web'],
  '@connectrpc/connect-web': [''],
};

/** Generated descriptors that pages ask for by name; what these import they name by path. */
const DESCRIPTORS = ['api/event_pb', 'api/queue_pb', 'api/submit_pb', 'k8s/io/api/core/v1/core_pb'];

function importMap(): string {
  const modules = Object.entries(PACKAGES).flatMap(([name, parts]) =>
    parts.map((part) => [`${name}${part}`, `/packages/${name}/dist/esm${part}/index.js`]),
  );
  const descriptors = DESCRIPTORS.map((name) => [`@armada-ts/api/es/${name}`, `/es/${name}.ts`]);
  return JSON.stringify({ imports: Object.fromEntries([...modules, ...descriptors]) });
}

export interface Site {
  /** `http://localhost:port`. */
  origin: string;
  close(): void;
}

export async function openSite(): Promise<Site> {
  const page = `<!doctype html><title>A client</title><script type="importmap">${importMap()}</script>`;
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    answerTo(path, page).then(
      ({ type, text }) =>
        response.setHeader('content-type', type).setHeader('cache-control', 'max-age=60').end(text),
      () => response.writeHead(404).end(),
    );
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { origin: `http://localhost:${port}`, close: () => server.close().closeAllConnections() };
}

/** Rejects when there is nothing at that path. */
async function answerTo(path: string, page: string): Promise<{ type: string; text: string }> {
  const [, folder, ...rest] = path.split('/');
  const type = 'text/javascript';
  switch (folder) {
    case '':
      return { type: 'text/html', text: page };
    case 'packages':
      return { type, text: await readFile(join(root, 'node_modules', ...rest), 'utf8') };
    case 'es': {
      const source = await readFile(join(root, 'api/generated/es', ...rest), 'utf8');
      return { type, text: stripTypeScriptTypes(source) };
    }
    default:
      throw new TypeError(`there is no ${path}`);
  }
}
