/**
 * Atomic steps of the servers with each other. They are given the key of the
 * store's own record and add to it: `servers` holds what each has said of itself.
 * A record that is not there was lost with everything else.
 */
import { script } from '../node.ts';
import { PRELUDE } from './prelude.ts';

const WAKE = `
local function wake() call('PUBLISH', take(), 'servers') end
if not call('HGET', base, 'layout') then return {'lost'} end
local servers = base .. ':servers'
`;

/** Says what a server says of itself; what all have said, the last term and who took it. */
export const MEET = script(
  `
${PRELUDE}${WAKE}
if call('HSET', servers, take(), take()) == 1 then wake() end
local lead = call('HMGET', base, 'term', 'leader')
return {'met', call('HVALS', servers), lead[1] or 0, lead[2] or ''}
`,
  { isVital: true },
);

/** Forgets a server, and that it leads. */
export const LEAVE = script(
  `
${PRELUDE}${WAKE}
local id = take()
local was_there = call('HDEL', servers, id)
if call('HGET', base, 'leader') == id then was_there = call('HDEL', base, 'leader') end
if was_there == 1 then wake() end
return {'left'}
`,
  { isVital: true },
);

/** Takes a term that nobody has had, for a server that has seen the last; higher than the caller knows of any partition. */
export const TAKE_TERM = script(
  `
${PRELUDE}${WAKE}
local id, after, floor = take(), take_number(), take_number()
local last = tonumber(call('HGET', base, 'term') or 0)
if last ~= after then return {'later'} end
local term = math.max(last, floor) + 1
call('HSET', base, 'term', term, 'leader', id)
wake()
return {'taken', term}
`,
  { isAcknowledged: true, isVital: true },
);
