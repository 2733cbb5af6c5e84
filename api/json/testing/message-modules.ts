/** The generated code of every message type, by name. Loads all of it, so for tests only. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { MessageObject } from '../descriptors.ts';

export interface MessageCode {
  encode(message: MessageObject): { finish(): Uint8Array };
  decode(bytes: Uint8Array): MessageObject;
  create(): MessageObject;
}

/** From the package's own directory, so that it is found under dist as well. */
export async function loadMessageCode(): Promise<Map<string, MessageCode>> {
  const root = join(import.meta.dirname, '..', '..', 'generated', 'proto');
  const found = new Map<string, MessageCode>();
  for (const file of globSync('**/*.ts', { cwd: root })) {
    const exported = (await import(pathToFileURL(join(root, file)).href)) as Record<string, unknown>;
    for (const [name, code] of Object.entries(exported)) {
      if (!isMessageCode(code)) continue;
      found.set(`${String(exported['protobufPackage'])}.${name.replaceAll('_', '.')}`, code);
    }
  }
  return found;
}

function isMessageCode(code: unknown): code is MessageCode {
  return typeof code === 'object' && code !== null && 'encode' in code && 'create' in code;
}
