/**
 * What is asked of the API server: the keys that it signs tokens with, and the
 * TokenReview of authentication.k8s.io/v1 about one of them. It is asked at the
 * configured address alone, trusted by the configured
 * authorities alone, with a token of this server; redirects are not followed, and
 * no more and no longer is read than it takes.
 */
import { readFile } from 'node:fs/promises';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { z } from 'zod';
import { readJson } from '../read-json.ts';
import type { KubernetesConfig } from './config.ts';

/** What the API server says of a token. */
export interface Review {
  isAuthenticated: boolean;
  name: string;
  groups: readonly string[];
  /** Those of the audiences asked for that the token is good for. */
  audiences: readonly string[];
}

/** Both reject with an Error that says why when there is no answer that can be used. */
export interface ApiServer extends Disposable {
  /** The set of keys (RFC 7517) that tokens of accounts are signed with. */
  keys(): Promise<unknown>;
  review(token: string): Promise<Review>;
}

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1024;
/** Idle connections end before what is in between forgets them. */
const IDLE_MS = 30_000;

const text = z.string().max(512);
const answer = z.object({
  status: z.object({
    authenticated: z.boolean().default(false),
    user: z.object({ username: text.default(''), groups: z.array(text).max(500).nullish() }).nullish(),
    audiences: z.array(z.string()).nullish(),
  }),
});

/** @param ownToken gives the token of this server as it is now */
export function connectApiServer(
  { server, authorityFile, audiences }: Pick<KubernetesConfig, 'server' | 'authorityFile' | 'audiences'>,
  ownToken: () => string,
): ApiServer {
  const connections = followAuthority(authorityFile);

  /** @param body for a POST */
  async function ask(path: string, body?: object): Promise<unknown> {
    const url = new URL(server.replace(/\/$/, '') + path);
    const text = body && JSON.stringify(body);
    const options = {
      method: text === undefined ? 'GET' : 'POST',
      agent: await connections.agent(),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        authorization: `Bearer ${ownToken()}`,
        accept: 'application/json, application/jwk-set+json',
        ...(text !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
        }),
      },
    };
    const response = await answerOf(() => request(url, options).end(text));
    try {
      if (response.statusCode !== 200 && response.statusCode !== 201)
        throw new Error(`${url.href} answered ${response.statusCode}${hintFor(response.statusCode)}`);
      return await readJson(response, MAX_BYTES);
    } catch (error) {
      response.destroy();
      throw error;
    }
  }

  return {
    keys: () => ask('/openid/v1/jwks'),
    async review(token) {
      const asked = { token, audiences };
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: asked };
      const { status } = answer.parse(await ask('/apis/authentication.k8s.io/v1/tokenreviews', body));
      return {
        isAuthenticated: status.authenticated,
        name: status.user?.username ?? '',
        groups: status.user?.groups ?? [],
        audiences: status.audiences ?? [],
      };
    },
    [Symbol.dispose]: () => connections[Symbol.dispose](),
  };
}

function hintFor(status: number | undefined): string {
  if (status === 401) return ': the token in auth.kubernetes.tokenFile is not good there';
  return status === 403 ? ': the account of auth.kubernetes.tokenFile may not ask that' : '';
}

/** Sends it again when it met the end of a connection that was open before. */
async function answerOf(send: () => ClientRequest): Promise<IncomingMessage> {
  for (;;) {
    const sent = send();
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    sent.on('response', resolve).on('error', reject);
    try {
      return await promise;
    } catch (error) {
      const isReset = error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
      if (!(sent.reusedSocket && isReset)) throw error;
    }
  }
}

/** Connections by which the authorities in the file are trusted, as they are now. */
function followAuthority(path: string): { agent(): Promise<Agent> } & Disposable {
  let current: { ca: string; agent: Agent } | undefined;
  return {
    async agent() {
      const ca = await readFile(path, 'utf8');
      if (current?.ca !== ca) {
        current?.agent.destroy();
        current = { ca, agent: new Agent({ ca, keepAlive: true, timeout: IDLE_MS, minVersion: 'TLSv1.2' }) };
      }
      return current.agent;
    },
    [Symbol.dispose]: () => current?.agent.destroy(),
  };
}
