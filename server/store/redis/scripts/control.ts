/** Atomic steps on what is no job: control records, the seal of a new leader, and what a partition begins with. */
import { script } from '../node.ts';
import { APPEND_LOG, CHECK_SEEN, PRELUDE } from './prelude.ts';

/** Changes one record. Its stored form is its version (6 bytes) and then its bytes. */
export const CONTROL = script(
  `
${PRELUDE}${CHECK_SEEN}${APPEND_LOG}
local meta = call('HMGET', base, 'head', 'term', 'mark')
local head = tonumber(meta[1])
if not head or lost(head, meta[3]) then return {'lost'} end
local kind, name, expected, removes, record = take(), take(), take(), take(), take()
local key = base .. ':control:' .. kind
local current = call('HGET', key, name)
local version = current and unpack_bytes('>I6', current) or 0
if expected ~= '' and tonumber(expected) ~= version then return {'stale', current} end
local live = kind == '1' and tonumber(call('HGET', base .. ':live', name)) or 0
if removes == '1' and live > 0 then return {'not-empty', live} end

local number = head + 1
if removes == '1' then call('HDEL', key, name)
else call('HSET', key, name, pack('>I6', number) .. record) end
append_log(number, pack('>I2', 0) .. take(), meta[2])
return {'applied', number}
`,
  { isAcknowledged: true, isVital: true },
);

/** Seals a partition with a term and tells its head, unless a later term has sealed it. */
export const SEAL = script(
  `
${PRELUDE}
local meta = call('HMGET', base, 'head', 'term')
local term = take_number()
if not meta[1] then return {'lost'} end
if term < tonumber(meta[2]) then return {'sealed', tonumber(meta[2])} end
call('HSET', base, 'term', term)
return {'applied', tonumber(meta[1])}
`,
  { isAcknowledged: true, isVital: true },
);

/**
 * Makes a partition that is not there, and raises its epoch. Where entries were
 * lost the log begins anew, far behind all numbers that were ever given out: no
 * version of what was lost can be taken for one of what comes, and no leader of
 * before decides anything more.
 */
export const RAISE_EPOCH = script(
  `
${PRELUDE}
local epoch, skip = take_number(), take_number()
if call('EXISTS', base) == 0 then
  call('HSET', base, 'head', 0, 'term', 0, 'mark', '', 'bytes', 0, 'epoch', 0, 'removed', 0, 'sets', 0, 'templates', 0)
end
local current = tonumber(call('HGET', base, 'epoch'))
if epoch <= current then return current end
call('HSET', base, 'epoch', epoch)
if skip > 0 then
  call('UNLINK', base .. ':log')
  call('HINCRBY', base, 'head', skip)
  call('HINCRBY', base, 'term', skip)
  call('HSET', base, 'mark', '', 'bytes', 0)
end
return epoch
`,
  { isVital: true },
);

/** Whether this is the log that has the entry: its head and its epoch, and how many of its words are true. */
export const VERIFY = script(`
${PRELUDE}${CHECK_SEEN}
local meta = call('HMGET', base, 'head', 'mark', 'epoch')
if not meta[1] then return {1, 0, 0} end
local head = tonumber(meta[1])
return {lost(head, meta[2]) and 1 or 0, head, tonumber(meta[3])}
`);

/** Makes the record of the store as a whole, unless it is there; what it says. A copied store has no secret yet. */
export const MAKE_STORE = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'layout', ARGV[1], 'partitions', ARGV[2], 'epoch', ARGV[3])
end
if ARGV[4] then redis.call('HSETNX', KEYS[1], 'secret', ARGV[4]) end
return redis.call('HMGET', KEYS[1], 'layout', 'partitions', 'epoch', 'secret')
`);
