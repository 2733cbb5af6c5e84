/**
 * Names that people choose, and what is allowed in them. Names end up in logs,
 * terminals, storage keys and Kubernetes labels, so each rule is as strict as
 * the strictest place the name must reach.
 */

// Control characters, halves of characters, line separators, and what a decoder writes in place of invalid UTF-8.
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\ufffd]/u;
const LABEL_VALUE = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

const DOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/** Most characters of a queue name: it is the value of a Kubernetes label on every pod. */
export const MAX_QUEUE_NAME_LENGTH = 63;

/** Whether the text can be shown and stored as it is: valid Unicode without control characters. */
export function isPrintable(text: string): boolean {
  return !UNPRINTABLE.test(text);
}

/** What is wrong with a text that must be printable; undefined when nothing is. */
export function printableFault(text: string): string | undefined {
  return isPrintable(text) ? undefined : `must be valid UTF-8 without control characters, got ${shown(text)}`;
}

/** What is wrong with a queue name; undefined when nothing is. */
export function queueNameFault(name: string): string | undefined {
  if (name === '') return 'must not be empty';
  if (LABEL_VALUE.test(name)) return undefined;
  return (
    `must be at most ${MAX_QUEUE_NAME_LENGTH} letters, digits, '-', '_' and '.', ` +
    `beginning and ending with a letter or digit, got ${shown(name)}`
  );
}

/** What is wrong with the name of an executor or of a node; undefined when nothing is. */
export function placeNameFault(name: string): string | undefined {
  if (name === '') return 'must not be empty';
  if (name.length <= 253 && isPrintable(name)) return undefined;
  return `must be at most 253 printable characters, got ${shown(name)}`;
}

/** What is wrong with a namespace; undefined when nothing is. RFC 1123 labels, as Kubernetes demands. */
export function namespaceFault(namespace: string): string | undefined {
  if (DNS_LABEL.test(namespace)) return undefined;
  return (
    `must be at most 63 lower-case letters, digits and '-', ` +
    `beginning and ending with a letter or digit, got ${shown(namespace)}`
  );
}

/** Whether the text can be the value of a Kubernetes label (or is empty, which is one). */
export function isLabelValue(text: string): boolean {
  return text === '' || LABEL_VALUE.test(text);
}

/** Whether the text can be the key of a Kubernetes label, or the name of a resource: a name, perhaps after a domain. */
export function isLabelKey(text: string): boolean {
  const slash = text.indexOf('/');
  if (slash < 0) return LABEL_VALUE.test(text);
  const domain = text.slice(0, slash);
  return domain.length <= 253 && DOMAIN.test(domain) && LABEL_VALUE.test(text.slice(slash + 1));
}

/** User text for a message: quoted with control characters spelled out, and cut where it would fill the line. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
