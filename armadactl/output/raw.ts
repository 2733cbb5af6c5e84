import { toJson } from '@armada-ts/api/json';
import type { JobSetEvent } from '@armada-ts/client/events';

/** One event as one line of JSON, for programs: `{"id": ..., "message": {...}}`. */
export function eventJson({ messageId, message }: JobSetEvent): string {
  return JSON.stringify(toJson('api.EventStreamMessage', { id: messageId, message }));
}
