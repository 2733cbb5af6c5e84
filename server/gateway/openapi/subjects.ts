/** What the two APIs that people are told of are about. */
import type { Service } from '../../door/method.ts';
import type { CredentialKind } from './document.ts';
import type { Answer } from './operations.ts';
import type { ApiSubject } from './pages.ts';
import type { Schema } from './schemas.ts';

const common = `**JSON**: empty values are left out of answers and may be left out of requests, unknown keys are ignored. Keys are read in
camelCase and in snake_case. Times are RFC 3339, enums go by name. Whole numbers from 2^53 on are texts.

**Errors** have the form \`Error\`: \`message\` says what is wrong and what to do, \`reason\` the same as a constant, \`faults\`
which fields are wrong and why, and \`code\` is the number of the gRPC status. A refused call has changed nothing. Texts name the gRPC status: InvalidArgument and FailedPrecondition are 400, Unauthenticated
401, PermissionDenied 403, NotFound 404, AlreadyExists and Aborted 409, ResourceExhausted 429, Unavailable 503.

**Headers**: \`Grpc-Timeout\` (\`10S\`, \`500m\`) limits how long a call may take; \`X-Request-Id\` names it in the server's logs,
and is in every answer. Answers come packed to who accepts gzip or br.

The same document in the older form: [swagger.json](swagger.json).`;

/** The API for users, by the services on the HTTP port. */
export function userApi(services: readonly Service[], credentials: readonly CredentialKind[]): ApiSubject {
  return {
    title: 'Armada REST',
    description: `Submits jobs to queues and follows what becomes of them.

**Who you are** goes into the header \`Authorization\`, unless the server lets in anybody. What a call needs to be allowed
stands with it.

${common}

The same services, and those without a path here, are there for gRPC, gRPC-Web and Connect, on this port too.`,
    services,
    credentials,
    pages: {
      '/health': {
        operationId: 'getHealth',
        summary: 'Whether the server is well',
        description: 'With `?verbose` operators are told what it is, too.',
        security: [],
        responses: {
          '200': text('All is well, and there is something to say.'),
          '204': { description: 'All is well.' },
          '503': text('A line for each thing that is not in order.'),
        },
      },
    },
  };
}

/** The API for operators, on a port of its own. */
export function operatorApi(
  services: readonly Service[],
  credentials: readonly CredentialKind[],
): ApiSubject {
  return {
    title: 'Armada REST for operators',
    description: `Shows and steers running servers and the fleet. Every call but the one about the caller needs the permission \`operate\`,
which the bearer of the operator token has.

${common}`,
    services,
    credentials,
    pages: {
      '/health': {
        operationId: 'getHealth',
        summary: 'Whether to start this server again',
        security: [],
        responses: {
          '200': checks('It may go on.'),
          '503': checks('It has failed beyond repair.'),
        },
      },
      '/ready': {
        operationId: 'getReadiness',
        summary: 'Whether to send calls to this server',
        security: [],
        responses: { '200': checks('It takes calls.'), '503': checks('It does not, for now.') },
      },
      '/metrics': {
        operationId: 'getMetrics',
        summary: 'What the server counts and measures, for Prometheus',
        responses: {
          '200': text('The text format of Prometheus.'),
          '401': text('There are no credentials, or they are wrong.'),
          '403': text('The caller is known but may not do this.'),
          '429': text(
            'There is more to do than the server can take; ask again after what `Retry-After` says.',
          ),
        },
      },
    },
  };
}

function text(description: string): Answer {
  return { description, content: { 'text/plain': { schema: { type: 'string' } } } };
}

/** What was looked at, and what is wrong with it. */
function checks(description: string): Answer {
  const check: Schema = {
    type: 'object',
    properties: {
      name: { type: 'string' },
      ok: { type: 'boolean' },
      fault: { type: 'string', description: 'What is wrong; not there when nothing is.' },
    },
  };
  const schema: Schema = {
    type: 'object',
    properties: {
      status: { type: 'string', enum: ['ok', 'failing'] },
      checks: { type: 'array', items: check },
    },
  };
  return { description, content: { 'application/json': { schema } } };
}
