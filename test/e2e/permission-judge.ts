// What the table of permissions says about an outcome, and the outcome in words
// that are the same on every door.
import assert from 'node:assert/strict';
import type { QueueVerb } from '@armada-ts/server/model/queue';
import type { Outcome } from './calls.ts';
import { EVERYWHERE, type Row, type Target } from './permission-table.ts';
import type { Role } from './users.ts';

/** @param verbs what the queue that the call is about lets them do */
export function isAllowed(
  { permissions }: Pick<Role, 'permissions'>,
  { demand }: Row,
  verbs: readonly QueueVerb[],
): boolean {
  if (demand === 'authenticated' || demand === 'anyone') return true;
  for (const verb of ['submit', 'cancel', 'preempt', 'reprioritize', 'watch'] as const) {
    if (demand === `queue:${verb}`) return permissions.includes(EVERYWHERE[verb]) || verbs.includes(verb);
  }
  return permissions.some((permission) => permission === demand);
}

/** How the answer to somebody who may differs from what it must be; undefined when it is right. */
export function wronglyServed(row: Row, outcome: Outcome, target: Target): string | undefined {
  const isDone = row.isDone?.(outcome, target) ?? outcome.code === 'OK';
  return isDone ? undefined : `${outcome.code} ${outcome.error?.message}`;
}

/** How the answer to somebody who may not differs from what it must be; undefined when it is right. */
export function wronglyRefused(row: Row, outcome: Outcome, { jobId }: Target): string | undefined {
  const hidden = row.unknownJob?.(jobId);
  if (hidden === undefined) return outcome.code === 'PERMISSION_DENIED' ? undefined : outcome.code;
  const { code, answer, error } = outcome;
  if (code !== hidden.code) return `${code} instead of ${hidden.code}`;
  try {
    if (hidden.answer) assert.deepEqual(plain(answer), hidden.answer);
    if (hidden.message) assert.equal(error?.message, hidden.message);
  } catch (difference) {
    return String(difference);
  }
  return undefined;
}

/** What somebody was told, names of the target left out, so that it can be compared with what others were told. */
export function told({ code, error, trailer }: Outcome, target: Target): string {
  let text = JSON.stringify([
    code,
    error?.reason,
    error?.message,
    trailer.get('www-authenticate').join(', '),
  ]);
  // The long ones first: an id may have the name of a queue in it.
  const names = Object.entries(target as unknown as Record<string, string>);
  names.sort(([, one], [, other]) => other.length - one.length);
  for (const [what, name] of names) text = text.replaceAll(name, what.toUpperCase());
  return text;
}

/** Without what decoding adds. */
export function plain(answer: object | undefined): object {
  const { _unknownFields: _, ...rest } = { _unknownFields: undefined, ...answer };
  return rest;
}

/** Maps do not show in JSON. */
export function entriesOf(value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}
