/** Certificates that are given in files, as PEM. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { invalidField } from '../base/errors.ts';
import type { KeyedCertificate } from './certificate.ts';

/** A setting and the file that it names. */
export interface GivenFile {
  setting: string;
  path: string;
}

/**
 * A certificate, the rest of its chain after it, and its key. Rejects with
 * INVALID_REQUEST when they cannot be used, or not with each other.
 */
export async function givenCertificate(files: {
  certificate: GivenFile;
  key: GivenFile;
}): Promise<KeyedCertificate> {
  const [certificate, key] = await Promise.all([readGiven(files.certificate), readGiven(files.key)]);
  const parsed = parsedOr(() => new X509Certificate(certificate));
  if (!parsed) throw invalidField(files.certificate.setting, 'must hold a certificate, as PEM');
  const privateKey = parsedOr(() => createPrivateKey(key));
  if (!privateKey) throw invalidField(files.key.setting, 'must hold a private key, as PEM');
  if (!parsed.checkPrivateKey(privateKey)) {
    throw invalidField(files.key.setting, 'must hold the key of the first certificate in certificateFile');
  }
  if (!parsedOr(() => createSecureContext({ cert: certificate, key }))) {
    throw invalidField(files.certificate.setting, 'must hold a certificate that TLS can use, and its chain');
  }
  return { certificate, key };
}

/** Rejects with INVALID_REQUEST when it cannot be read. */
export async function readGiven({ setting, path }: GivenFile): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? `: ${String(error.code)}` : '';
    throw invalidField(setting, `must name a file that can be read, got ${path}${reason}`);
  }
}

function parsedOr<Value>(parse: () => Value): Value | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
