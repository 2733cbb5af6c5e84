/** HTTP ports for tests of what is reached through them. */
import { calmAdmission, openDoor } from '../../door/testing/doors.ts';
import { createHttpServer, type HttpOptions } from '../http.ts';

export interface TestPort extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  url: string;
  port: number;
  close(): Promise<void>;
}

/** Listens on a free port of loopback; lets in whoever comes unless the settings say otherwise. */
export async function openPort(settings: Partial<HttpOptions> = {}): Promise<TestPort> {
  const host = settings.host ?? '127.0.0.1';
  const server = await createHttpServer({
    host,
    allowedHosts: [],
    corsOrigins: [],
    door: openDoor(),
    admission: calmAdmission(),
    services: [],
    maxRequestBytes: 1024 * 1024,
    pages: [],
    ...settings,
  });
  const port = await server.listen('127.0.0.1', 0);
  const close = (): Promise<void> => server.close();
  const scheme = settings.tls ? 'https' : 'http';
  return { url: `${scheme}://127.0.0.1:${port}`, port, close, [Symbol.asyncDispose]: close };
}
