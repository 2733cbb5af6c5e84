import { PREFIX_BYTES } from '../base/framing.ts';

/**
 * Serializes what is framed already, any number of messages at a time
 * (base/framing.ts). The library takes one message, copies it behind a prefix
 * that it wrote and sends the whole: so it is given what follows the first
 * prefix, with a copy that brings all of it, that prefix included.
 */
export function alreadyFramed(framed: Buffer): Buffer {
  const rest = framed.subarray(PREFIX_BYTES);
  rest.copy = (target) => framed.copy(target);
  return rest;
}
