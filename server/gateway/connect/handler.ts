/**
 * Connect, gRPC-Web and gRPC on the HTTP port, by the library of Connect: it
 * speaks the protocols, our door says who may do what. It takes a while to be
 * loaded, so a start does not wait for it: it is when there is time, or with the
 * first call.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { services as describedServices } from '@armada-ts/api/es/services';
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { type Admission, type Arrival, rankOf } from '../../door/admission.ts';
import type { Door } from '../../door/call.ts';
import { type ServedMethod, type Service, servedMethods } from '../../door/method.ts';
import type { CallHandler } from '../http.ts';
import { beginVisit, type Visit } from './visit.ts';

export interface ConnectOptions {
  door: Door;
  admission: Admission;
  services: readonly Service[];
  /** Largest message taken, in bytes after decompression. */
  maxRequestBytes: number;
}

type Serve = (request: IncomingMessage, response: ServerResponse, visit: Visit) => Promise<void>;

interface Target {
  path: string;
  served: ServedMethod;
  arrival: Omit<Arrival, 'connection'>;
  serve?: Promise<Serve>;
}

export interface ConnectHandler extends CallHandler {
  /** What calls have to wait for as long as it has not been loaded. */
  readonly parts: readonly (() => Promise<unknown>)[];
}

export function createConnectHandler(options: ConnectOptions): ConnectHandler {
  const targets = new Map<string, Target>();
  for (const served of options.services.flatMap(servedMethods)) {
    const { path } = served.definition;
    const isStream = served.method.kind !== 'unary';
    if (served.method.kind !== 'bidiStream') {
      targets.set(path, { path, served, arrival: { rank: rankOf(path), isStream } });
    }
  }
  const services = new Set([...targets.keys()].map(serviceOf));
  return {
    parts: [loadLibrary, ...[...services].map((name) => () => loadService(name))],
    handle(request, response) {
      const [path = ''] = (request.url ?? '').split('?', 1);
      const target = targets.get(path);
      if (!target) return false;
      const { arrival, served } = target;
      const { admission, door } = options;
      const { need } = served.method;
      const { slowClientMs } = door;
      const visit = beginVisit({ admission, arrival, request, response, need, slowClientMs });
      target.serve ??= load(options, target);
      target.serve
        .then((serve) => serve(request, response, visit))
        .catch((error: unknown) => {
          if (!visit.gone.aborted) door.logger.error({ err: error, path }, 'a call by HTTP broke off');
          response.destroy();
        });
      return true;
    },
  };
}

async function load(options: ConnectOptions, { path, served }: Target): Promise<Serve> {
  const [{ serveMethod }, described] = await Promise.all([loadLibrary(), describe(path)]);
  return serveMethod(options, served, described);
}

const loadLibrary = () => import('./serve.ts');

/** What the library is to know of a method. */
async function describe(path: string): Promise<DescMethod> {
  const service = await loadService(serviceOf(path));
  const name = path.slice(path.lastIndexOf('/') + 1);
  const method = service?.methods.find((each) => each.name === name);
  if (!method) throw new TypeError(`${path} is in no proto`);
  return method;
}

async function loadService(name: string): Promise<DescService | undefined> {
  return await describedServices[name]?.();
}

/** In full, by the path of a method. */
function serviceOf(path: string): string {
  return path.slice(1, path.lastIndexOf('/'));
}
