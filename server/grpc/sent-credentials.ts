/**
 * Credentials as they were sent. Of two values the HTTP/2 library keeps the
 * first, and the gRPC library leaves out what has characters that metadata may
 * not have: whoever sent such credentials would be taken for somebody else, or
 * for somebody without any.
 */
import type { IncomingHttpHeaders } from 'node:http2';

const NAME = 'authorization';

/** Puts them back into the headers of a call; what cannot be carried as it is could not be good either. */
export function keepSentCredentials(headers: IncomingHttpHeaders, sent: readonly string[]): void {
  if (headers[NAME] === undefined) return;
  const values = sent.filter((_, at) => at % 2 === 1 && sent[at - 1] === NAME);
  // The gRPC library takes lists, which this header is not thought to have.
  Object.assign(headers, { [NAME]: values.map((value) => value.replaceAll(/[^ -~]/g, '?')) });
}
