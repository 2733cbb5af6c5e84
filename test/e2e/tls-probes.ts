// New connections to ports with TLS: what these show, and whether they answer.
import { type Agent, request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';

/** The certificate that a port shows to a new connection, by its serial number. */
export function shownAt(port: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: Number(port),
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
    };
    const socket = connectTls(options, () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

export async function shownSoon(port: string, isNew: (serial: string) => boolean): Promise<string> {
  for (;;) {
    const serial = await shownAt(port);
    if (isNew(serial)) return serial;
    await sleep(100);
  }
}

/** Rejects unless the answer is good. */
export function answered(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(url, { agent }, (answer) => {
      answer.resume().on('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`answered ${answer.statusCode}`));
      });
    });
    sent.on('error', reject).end();
  });
}
