/**
 * The documents of an API, and a page on which people read them and try calls.
 * All of it comes from this server, so it works where there is no other network;
 * and it is made when it is first asked for, so that no start waits for it.
 */
import { readFile } from 'node:fs/promises';
import { packageVersion } from '@armada-ts/api/package-version';
import type { FastifyInstance } from 'fastify';
import type { Page } from '../http.ts';
import type { Subject } from './document.ts';
import { type KnownFile, knownFile, sendKnown, whenAsked } from './known-file.ts';

/** The version is that of this package. */
export type ApiSubject = Omit<Subject, 'version'>;

/** Only what this server sends may run, be shown or be called. Swagger's page brings styles and pictures within itself. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const JSON_TYPE = 'application/json; charset=utf-8';

/** Adds `/api/openapi.json`, `/api/swagger.json`, `/swagger.json` as Armada has it, and the page `/api/docs`. */
export function apiPages(subject: ApiSubject): Page {
  return (server) => {
    const openapi = whenAsked(async () => {
      const { openApiDocument } = await import('./document.ts');
      return await knownFile(JSON_TYPE, JSON.stringify(openApiDocument(versioned(subject))));
    });
    const swagger = whenAsked(async () => {
      const [{ openApiDocument }, { armadaName, toSwagger2 }] = await Promise.all([
        import('./document.ts'),
        import('./swagger2.ts'),
      ]);
      const document = openApiDocument(versioned(subject), armadaName);
      return await knownFile(JSON_TYPE, JSON.stringify(toSwagger2(document)));
    });
    serve(server, '/api/openapi.json', openapi);
    serve(server, '/api/swagger.json', swagger);
    serve(server, '/swagger.json', swagger);
    servePage(server, subject.title);
  };
}

function versioned(subject: ApiSubject): Subject {
  return { ...subject, version: packageVersion(import.meta.url) };
}

function serve(server: FastifyInstance, path: string, file: () => Promise<KnownFile>): void {
  server.get(path, async (request, reply) => sendKnown(request, reply, await file()));
}

function servePage(server: FastifyInstance, title: string): void {
  const page = whenAsked(() => knownFile('text/html; charset=utf-8', pageText(title)));
  server.get('/api/docs', async (request, reply) => {
    reply.header('content-security-policy', POLICY).header('referrer-policy', 'no-referrer');
    return sendKnown(request, reply, await page());
  });
  // The page names its parts from where it lies.
  server.get('/api/docs/', async (_, reply) => await reply.redirect('../docs'));
  const script = 'text/javascript; charset=utf-8';
  serve(
    server,
    '/api/docs/start.js',
    whenAsked(() => knownFile(script, START)),
  );
  for (const [name, type] of [
    ['swagger-ui-bundle.js', script],
    ['swagger-ui.css', 'text/css; charset=utf-8'],
    ['favicon-32x32.png', 'image/png'],
  ] as const) {
    const file = whenAsked(async () => {
      const url = new URL(name, import.meta.resolve('swagger-ui-dist/package.json'));
      return await knownFile(type, await readFile(url));
    });
    serve(server, `/api/docs/${name}`, file);
  }
}

function pageText(title: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</title>
    <link rel="icon" type="image/png" href="docs/favicon-32x32.png">
    <link rel="stylesheet" href="docs/swagger-ui.css">
  </head>
  <body>
    <div id="api"></div>
    <noscript>This page needs JavaScript. What it shows is in <a href="openapi.json">openapi.json</a>.</noscript>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;
}

/** Credentials live as long as the page does; nothing of it goes to any other server. */
const START = `SwaggerUIBundle({
  url: new URL('openapi.json', document.baseURI).href,
  dom_id: '#api',
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null,
  // Else a browser would ask for a password itself, of any call that is refused for want of one.
  requestInterceptor: (request) => Object.assign(request, { credentials: 'omit' }),
});
`;
