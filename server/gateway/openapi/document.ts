/**
 * The OpenAPI 3.1 document of services, made of the routes and comments of their
 * protos. Made when it is first asked for, so that nobody else waits for it.
 */
import { contractRoutes } from '@armada-ts/api/routes';
import type { Service } from '../../door/method.ts';
import { ERROR_ANSWERS, ERROR_SCHEMAS } from './answers.ts';
import { type Answer, type Operation, operationOf, pathOf, type ServedRoute, tagOf } from './operations.ts';
import { createSchemas, type Schema } from './schemas.ts';
import { textOf } from './wording.ts';

/** How callers may say who they are; `mtls` and `anonymous` by nothing in the call. */
export type CredentialKind = SentKind | 'mtls' | 'anonymous';

type SentKind = 'basic' | 'bearer' | 'oidc' | 'token' | 'kubernetes' | 'kerberos';

/** What a document is about. */
export interface Subject {
  title: string;
  description: string;
  version: string;
  services: readonly Service[];
  credentials: readonly CredentialKind[];
  /** What is there besides calls, to be had by GET. */
  pages: Readonly<Record<string, Omit<Operation, 'tags'>>>;
}

export interface SecurityScheme {
  readonly type: 'http';
  readonly scheme: 'basic' | 'bearer' | 'negotiate';
  readonly description: string;
}

/** An OpenAPI 3.1 document, as far as it is made here. */
export interface OpenApiDocument {
  readonly openapi: '3.1.1';
  readonly info: {
    readonly title: string;
    readonly description: string;
    readonly version: string;
    readonly license: { readonly name: string; readonly identifier: string };
  };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  /** By path, then by verb in small letters. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, Answer>>;
    readonly securitySchemes: Readonly<Record<string, SecurityScheme>>;
  };
}

const securitySchemes: Readonly<Record<SentKind, SecurityScheme>> = {
  basic: { type: 'http', scheme: 'basic', description: 'User name and password.' },
  bearer: { type: 'http', scheme: 'bearer', description: 'A token.' },
  oidc: { type: 'http', scheme: 'bearer', description: 'An access token of an OpenID Connect provider.' },
  token: { type: 'http', scheme: 'bearer', description: 'A token that an access key was exchanged for.' },
  kubernetes: { type: 'http', scheme: 'bearer', description: 'A token of a Kubernetes service account.' },
  kerberos: { type: 'http', scheme: 'negotiate', description: 'A ticket of Kerberos, by SPNEGO.' },
};

/** The tag of pages. */
const PAGES = { name: 'Server', description: 'The server itself, for whatever watches it.' } as const;

/** A name without its package: `api.Queue.Permissions` is QueuePermissions. */
function localName(typeName: string): string {
  return typeName
    .split('.')
    .filter((part) => /^[A-Z]/.test(part))
    .join('');
}

/** @param nameOf what messages and enums are called in the document */
export function openApiDocument(
  subject: Subject,
  nameOf: (typeName: string) => string = localName,
): OpenApiDocument {
  const { title, description, version, services, credentials, pages } = subject;
  const schemas = createSchemas(nameOf);
  for (const name of Object.keys(ERROR_SCHEMAS)) schemas.typeNames.set(name, 'the form of errors');
  const served = servedRoutes(services);
  const paths: Record<string, Record<string, Operation>> = {};
  for (const each of served) {
    const path = (paths[pathOf(each.route)] ??= {});
    path[each.route.verb.toLowerCase()] = operationOf(schemas, each);
  }
  for (const [path, operation] of Object.entries(pages)) {
    paths[path] = { get: { ...operation, tags: [PAGES.name] } };
  }
  const sent = credentials.filter((kind) => kind !== 'anonymous' && kind !== 'mtls');
  const without = sent.length < credentials.length ? [{}] : [];
  return {
    openapi: '3.1.1',
    info: { title, description, version, license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' } },
    tags: [...tagsOf(served), PAGES],
    paths,
    security: [...sent.map((kind) => ({ [kind]: [] })), ...without],
    components: {
      schemas: { ...ERROR_SCHEMAS, ...Object.fromEntries([...schemas.schemas].sort(byName)) },
      responses: ERROR_ANSWERS,
      securitySchemes: Object.fromEntries(sent.map((kind) => [kind, securitySchemes[kind]])),
    },
  };
}

/** In the order of the services, and of the protos within each. */
function servedRoutes(services: readonly Service[]): ServedRoute[] {
  const routes = Map.groupBy(contractRoutes(), ({ method }) => method);
  return services
    .flatMap(({ definition }) => Object.values(definition))
    .flatMap(({ path, responseStream }) =>
      (routes.get(path) ?? []).map((route, at) => ({ route, streams: responseStream, ordinal: at + 1 })),
    );
}

function tagsOf(served: readonly ServedRoute[]): OpenApiDocument['tags'] {
  const services = new Set(served.map(({ route }) => route.method.split('/')[1] ?? ''));
  return [...services].map((service) => ({ name: tagOf(service), description: textOf(service) }));
}

function byName([left]: [string, unknown], [right]: [string, unknown]): number {
  return left < right ? -1 : 1;
}
