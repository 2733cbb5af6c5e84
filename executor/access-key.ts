/**
 * An access key in place of a user's own credentials: it is exchanged for a token
 * when the first call is made, and again before that ends. The file is read for
 * every exchange, so another key may be put in its place at any time.
 */
import { readFileSync } from 'node:fs';
import {
  InterceptingCall,
  type InterceptingListener,
  type Interceptor,
  Metadata,
  type ServiceError,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import type {
  CreateTokenRequest,
  CreateTokenResponse,
  KeyServiceClient,
} from '@armada-ts/api/armada/auth/v1/keys';
import { renewedToken } from '@armada-ts/api/servers/renewed-token';
import { z } from 'zod';
import { systemClock } from './clock.ts';
import { ConfigError } from './config.ts';

const EXCHANGE_MS = 10_000;

/** As `armadactl key create -o json` prints it. */
const pairSchema = z.object({ accessKey: z.string().min(1), secret: z.string().min(1) });

/**
 * What puts the token into calls to a server.
 * @returns for a server, by its service of keys, what its other clients are to be made with
 * Throws ConfigError when there is no key in the file.
 */
export function accessKeyCredentials(file: string): (keys: KeyServiceClient) => Interceptor {
  readPair(file);
  const tokens = renewedToken((keys: KeyServiceClient) => exchange(keys, file));
  return (keys) => (options, nextCall) => {
    /** Until there is a token, after which the library ends the call by itself. */
    let waiting: InterceptingListener | undefined;
    const call = nextCall(options);
    const endEarly = (end: StatusObject): void => {
      waiting?.onReceiveStatus(end);
      waiting = undefined;
      // It is not begun, and would keep its deadline all the same.
      call.cancelWithStatus(end.code, end.details);
    };
    return new InterceptingCall(call, {
      start(metadata, listener, next) {
        waiting = listener;
        tokens.current(keys).then(
          (token) => {
            if (waiting === undefined) return;
            waiting = undefined;
            metadata.set('authorization', `Bearer ${token}`);
            next(metadata, {
              onReceiveStatus(end, nextEnd) {
                if (end.code === status.UNAUTHENTICATED) tokens.drop(token);
                nextEnd(end);
              },
            });
          },
          (error: unknown) => endEarly(statusOf(error)),
        );
      },
      cancel(next) {
        if (waiting === undefined) next();
        else endEarly({ code: status.CANCELLED, details: 'cancelled', metadata: new Metadata() });
      },
    });
  };
}

async function exchange(keys: KeyServiceClient, file: string): Promise<string> {
  const pair = readPair(file);
  const { token } = await new Promise<CreateTokenResponse>((resolve, reject) => {
    const deadline = { deadline: systemClock.now() + EXCHANGE_MS };
    keys.createToken(pair, new Metadata(), deadline, (error, answer) => {
      if (error) reject(error);
      else resolve(answer);
    });
  });
  return token;
}

/** Throws ConfigError. */
function readPair(file: string): CreateTokenRequest {
  try {
    return pairSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    // What a parser says would show what is in the file.
    const reason = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    const expected = 'an access key with its secret, as `armadactl key create -o json` prints it';
    throw new ConfigError(`server.accessKeyFile: ${file} must hold ${expected}${reason}`);
  }
}

/** A call that could not be made for want of a token ends as the exchange did. */
function statusOf(error: unknown): StatusObject {
  const { code, details, message, metadata } = error as Partial<ServiceError>;
  return {
    code: code ?? status.UNAUTHENTICATED,
    details: `no token for the access key: ${details ?? message ?? String(error)}`,
    metadata: metadata ?? new Metadata(),
  };
}
