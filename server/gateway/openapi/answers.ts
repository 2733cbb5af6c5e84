/** How calls fail, as the documents describe it. */
import type { Schema } from './schemas.ts';

const detail: Schema = {
  type: 'object',
  description: 'More for programs; docs/errors.md lists what there is.',
  properties: {
    type_url: {
      type: 'string',
      description: 'Which message, such as `type.googleapis.com/google.rpc.ErrorInfo`.',
    },
    value: { type: 'string', format: 'byte', description: 'The message, encoded as a protocol buffer.' },
  },
};

const fault: Schema = {
  type: 'object',
  description: 'One thing that is wrong with a request.',
  properties: {
    field: {
      type: 'string',
      description:
        'Path of the field from the root of the request, such as `job_request_items[3].namespace`.',
    },
    message: { type: 'string', description: 'What is expected of it and what was found.' },
  },
};

const reason: Schema = {
  type: 'string',
  description: 'What is wrong, as a constant; docs/errors.md lists them. Absent for faults of the server.',
  examples: ['QUEUE_NOT_FOUND'],
};

const faults: Schema = {
  type: 'array',
  description: 'What is wrong where, up to 20 of them. Absent unless the request itself is wrong.',
  items: { $ref: '#/components/schemas/Fault' },
};

const details: Schema = {
  type: 'array',
  description: 'The same as by gRPC.',
  items: { $ref: '#/components/schemas/ErrorDetail' },
};

/** Schemas of errors, by name; no message of the contract has these names. */
export const ERROR_SCHEMAS: Readonly<Record<string, Schema>> = {
  Error: {
    type: 'object',
    description: 'Why a call was refused. A refused call has changed nothing.',
    properties: {
      error: { type: 'string', description: 'The same as `message`.' },
      code: { type: 'integer', format: 'int32', description: 'Number of the gRPC status.' },
      message: { type: 'string', description: 'What is wrong and what to do, for people.' },
      reason,
      faults,
      details,
    },
  },
  ErrorDetail: detail,
  Fault: fault,
  StreamError: {
    type: 'object',
    description: 'Why a stream ended.',
    properties: {
      grpc_code: { type: 'integer', format: 'int32', description: 'Number of the gRPC status.' },
      http_code: { type: 'integer', format: 'int32', description: 'The HTTP status that goes with it.' },
      message: { type: 'string', description: 'What is wrong and what to do, for people.' },
      http_status: { type: 'string', description: 'The name of that HTTP status.' },
      reason,
      faults,
      details,
    },
  },
};

export const STREAM_ERROR: Schema = { $ref: '#/components/schemas/StreamError' };

const refusals = {
  InvalidRequest:
    'The request breaks a rule; the message names the field. Or the state of things forbids it.',
  Unauthenticated:
    'There are no credentials, or they are wrong. `WWW-Authenticate` lists the kinds that are taken.',
  PermissionDenied: 'The caller is known but may not do this.',
  NotFound: 'What the request names is not there.',
  Conflict: 'What is to be made is there already, or others kept changing the same.',
  Overloaded: 'There is more to do than the server can take. Nothing was done: send it again later.',
  Unavailable: 'The server is stopping, or its store cannot be reached. Send it again.',
  Refused: 'Any other refusal.',
} as const;

const error = { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } as const;

/** The answers that calls have in common, by name. */
export const ERROR_ANSWERS = Object.fromEntries(
  Object.entries(refusals).map(([name, description]) => [name, { description, content: error }]),
);

function answer(name: keyof typeof refusals): { $ref: string } {
  return { $ref: `#/components/responses/${name}` };
}

/** The same answers by HTTP status, as each operation refers to them. */
export const ERROR_RESPONSES: Readonly<Record<string, { $ref: string }>> = {
  '400': answer('InvalidRequest'),
  '401': answer('Unauthenticated'),
  '403': answer('PermissionDenied'),
  '404': answer('NotFound'),
  '409': answer('Conflict'),
  '429': answer('Overloaded'),
  '503': answer('Unavailable'),
  default: answer('Refused'),
};
