/**
 * TLS towards a server, with files that may be replaced while a program runs:
 * what connects later uses what is there then, and open connections go on.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext, getCACertificates } from 'node:tls';
import { type ChannelCredentials, credentials, experimental } from '@grpc/grpc-js';

/** All are PEM. Certificate and key go together, and may be in one file. */
export interface TlsFiles {
  /** Certificates of the authorities to trust, in place of those that the system trusts. */
  caFile?: string | undefined;
  /** What to show, where the server wants to see a certificate; the rest of its chain after it. */
  certFile?: string | undefined;
  keyFile?: string | undefined;
  /** Talk to whoever answers, whatever they show: others may listen and change what is said. */
  insecure?: boolean | undefined;
}

/** A file that cannot be used; the message names it. */
export class TlsFault extends Error {}

/** How often files are read again while there are connections. */
const LOOK_MS = 5_000;

/** Throws TlsFault. */
export function tlsCredentials(files: TlsFiles): ChannelCredentials {
  if ((files.certFile === undefined) !== (files.keyFile === undefined)) {
    throw new TlsFault('a certificate needs its key, and a key its certificate');
  }
  const verify = { rejectUnauthorized: !files.insecure };
  const first = readFirst(files);
  if (files.caFile === undefined && files.certFile === undefined) {
    return credentials.createSsl(null, null, null, verify);
  }
  const provider = followFiles(files, first);
  const identity = files.certFile === undefined ? null : provider;
  return experimental.createCertificateProviderChannelCredentials(provider, identity, verify);
}

/** What the files hold. */
interface Material {
  ca: Buffer | undefined;
  cert: Buffer | undefined;
  key: Buffer | undefined;
}

function readFirst({ caFile, certFile, keyFile }: TlsFiles): Material {
  const read = (path: string | undefined): Buffer | undefined => {
    try {
      return path === undefined ? undefined : readFileSync(path);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new TlsFault(`cannot read ${path}: ${reason}`, { cause: error });
    }
  };
  const material = { ca: read(caFile), cert: read(certFile), key: read(keyFile) };
  const named = [caFile, certFile, keyFile].filter((path) => path !== undefined).join(', ');
  if (!isUsable(material)) throw new TlsFault(`there is no usable certificate or key in ${named}`);
  return material;
}

function isUsable(material: Material): boolean {
  // Text without any certificate is taken by the TLS library, and trusts nobody.
  if (material.ca && !material.ca.includes('-----BEGIN CERTIFICATE-----')) return false;
  try {
    createSecureContext(material);
    return true;
  } catch {
    return false;
  }
}

/** Tells the gRPC library what the files hold, and again when that has changed. */
function followFiles(files: TlsFiles, first: Material): experimental.CertificateProvider {
  const listeners = new Set<() => void>();
  let current = first;
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    const next = await readAgain(files);
    // Half of what is being replaced does not go together: what there was is kept until it does.
    if (!next || isSame(next, current) || !isUsable(next)) return;
    current = next;
    for (const tell of listeners) tell();
  };
  const follow = (tell: () => void): (() => void) => {
    listeners.add(tell);
    timer ??= setInterval(() => void look(), LOOK_MS).unref();
    process.nextTick(() => listeners.has(tell) && tell());
    return () => {
      listeners.delete(tell);
      if (listeners.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  };
  const authorities = followed(follow, () => ({ caCertificate: current.ca ?? systemAuthorities() }));
  const identities = followed(follow, () => ({
    certificate: current.cert ?? Buffer.alloc(0),
    privateKey: current.key ?? Buffer.alloc(0),
  }));
  return {
    addCaCertificateListener: (listener) => authorities.add(listener),
    removeCaCertificateListener: (listener) => authorities.remove(listener),
    addIdentityCertificateListener: (listener) => identities.add(listener),
    removeIdentityCertificateListener: (listener) => identities.remove(listener),
  };
}

function followed<Update>(follow: (tell: () => void) => () => void, update: () => Update) {
  const leaving = new Map<(update: Update | null) => void, () => void>();
  return {
    add(listener: (update: Update | null) => void): void {
      leaving.set(
        listener,
        follow(() => listener(update())),
      );
    },
    remove(listener: (update: Update | null) => void): void {
      leaving.get(listener)?.();
      leaving.delete(listener);
    },
  };
}

async function readAgain({ caFile, certFile, keyFile }: TlsFiles): Promise<Material | undefined> {
  const read = async (path: string | undefined) => (path === undefined ? undefined : await readFile(path));
  try {
    const [ca, cert, key] = await Promise.all([read(caFile), read(certFile), read(keyFile)]);
    return { ca, cert, key };
  } catch {
    return undefined;
  }
}

function isSame(one: Material, other: Material): boolean {
  const same = (a: Buffer | undefined, b: Buffer | undefined): boolean => (a && b ? a.equals(b) : a === b);
  return same(one.ca, other.ca) && same(one.cert, other.cert) && same(one.key, other.key);
}

function systemAuthorities(): Buffer {
  return Buffer.from(getCACertificates('default').join('\n'));
}
