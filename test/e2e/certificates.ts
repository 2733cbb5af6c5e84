// Certificates for tests, made by openssl: of authorities, servers and clients, good and bad.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Paths of PEM files. */
export interface KeyPair {
  certFile: string;
  keyFile: string;
}

export interface Certificate {
  /** As openssl writes it, such as `/O=Example/CN=anna`. */
  subject: string;
  /** Alternative names, such as `DNS:localhost`. */
  names?: string;
  /** Whether its time was over when it was made. */
  isExpired?: boolean;
  /** How long it is good; two days when left out. */
  days?: number;
}

/** An authority, and what it vouches for. */
export interface Authority extends KeyPair {
  /** Makes a certificate in files of this name. */
  issue(name: string, certificate: Certificate): Promise<KeyPair>;
  /** Makes a list of those that it takes back. Resolves to its file. */
  revoke(...certificates: readonly KeyPair[]): Promise<string>;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export async function makeTestAuthority(directory: string, name: string): Promise<Authority> {
  await mkdir(directory, { recursive: true });
  const files = (of: string): KeyPair => ({
    certFile: join(directory, `${of}.pem`),
    keyFile: join(directory, `${of}.key`),
  });
  const own = files(name);
  const subject = ['-subj', `/CN=${name}`];
  await run('openssl', [
    'req',
    '-x509',
    ...KEY,
    '-days',
    '9',
    ...subject,
    '-keyout',
    own.keyFile,
    '-out',
    own.certFile,
  ]);
  return {
    ...own,
    async issue(of, { subject, names = 'DNS:nobody.invalid', isExpired = false, days = 2 }) {
      const { certFile, keyFile } = files(of);
      const [request, extensions] = [`${certFile}.csr`, `${certFile}.ext`];
      await run('openssl', ['req', ...KEY, '-subj', subject, '-keyout', keyFile, '-out', request]);
      await writeFile(extensions, `subjectAltName=${names}\n`);
      const validity = ['-days', isExpired ? '-1' : `${days}`];
      const signing = ['-CA', own.certFile, '-CAkey', own.keyFile, '-extfile', extensions];
      await run('openssl', ['x509', '-req', '-in', request, ...validity, ...signing, '-out', certFile]);
      return { certFile, keyFile };
    },
    async revoke(...revoked) {
      const [config, database, list] = ['cnf', 'index', 'crl'].map((end) =>
        join(directory, `${name}.${end}`),
      );
      assert.ok(config && database && list);
      const serials = await Promise.all(
        revoked.map(async ({ certFile }) => new X509Certificate(await readFile(certFile)).serialNumber),
      );
      const lines = serials.map((serial) => `R\t390101000000Z\t260101000000Z\t${serial}\tunknown\t/CN=x\n`);
      await writeFile(database, lines.join(''));
      await writeFile(config, `[ca]\ndefault_ca=this\n[this]\ndatabase=${database}\ndefault_md=sha256\n`);
      const signing = ['-cert', own.certFile, '-keyfile', own.keyFile];
      await run('openssl', ['ca', '-gencrl', '-config', config, '-crldays', '2', ...signing, '-out', list]);
      return list;
    },
  };
}

/** Puts a file in the place of another, as those who renew certificates do. */
export async function replaceFile(path: string, text: string | Buffer): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

/** What curl ends with: the status of the answer, or `exit N` when there is none; and what was answered. */
export async function curl(...args: string[]): Promise<{ status: string; body: string }> {
  try {
    const { stdout } = await run('curl', ['-sS', '--max-time', '10', '-w', '\n%{http_code}', ...args]);
    const end = stdout.lastIndexOf('\n');
    return { status: stdout.slice(end + 1), body: stdout.slice(0, end) };
  } catch (error) {
    return { status: `exit ${(error as { code?: number }).code}`, body: '' };
  }
}
