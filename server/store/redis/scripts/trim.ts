/**
 * Retention, one bounded step a call: each looks at no more than its caller
 * says and at about half a megabyte, which keeps it far under 10 ms. Steps of
 * several servers at once do no harm. Each removes before it writes anything
 * else: when its memory is full, Redis refuses a script that begins with the other.
 */
import { script } from '../node.ts';
import { PRELUDE, RELEASE_TEMPLATES } from './prelude.ts';

/**
 * Removes items from the front of a list up to the first that stays, as far as
 * a step goes: how many, their bytes, and whether the step ended before that.
 */
const CUT_FRONT = `
local left = 524288
local function cut_front(key, most, stays)
  local removed, bytes = 0, 0
  while removed < most and left > 0 do
    local items = call('LRANGE', key, 0, 15)
    local gone = 0
    for _, item in ipairs(items) do
      if stays(item, removed + gone, bytes) then break end
      gone = gone + 1
      bytes = bytes + #item
      left = left - #item
    end
    if gone > 0 then call('LTRIM', key, gone, -1) end
    removed = removed + gone
    if gone < 16 then return removed, bytes, false end
  end
  return removed, bytes, true
end
`;

/**
 * Removes entries from the front of the log: those that are too old, and those
 * beyond its bytes. Whether there may be more: a log that is at its bound and
 * grows is looked at again soon.
 */
export const TRIM_LOG = script(
  `
${PRELUDE}${CUT_FRONT}
local until_ms, share, most = take_number(), take_number(), take_number()
local kept = tonumber(call('HGET', base, 'bytes') or 0)
local removed, bytes, more = cut_front(base .. ':log', most, function(entry, _, gone)
  return kept - gone <= share and unpack_bytes('>I6', entry) > until_ms
end)
if removed > 0 then call('HINCRBY', base, 'bytes', -bytes) end
return {(more or removed > 0 and kept > share) and 1 or 0}
`,
  { isVital: true },
);

/** Removes a job set without jobs and events. */
const REMOVE_JOB_SET = `
local function remove_if_empty(n)
  local key = base .. ':set:' .. n
  local row = call('HMGET', key, 'first', 'last', 'jobs', 'name', 'created')
  if not row[1] or tonumber(row[1]) <= tonumber(row[2]) or tonumber(row[3]) > 0 then return end
  local removed = tonumber(call('HGET', base, 'removed'))
  if tonumber(row[5]) > removed then call('HSET', base, 'removed', row[5]) end
  call('HDEL', base .. ':sets', row[4])
  call('ZREM', base .. ':oldest', n)
  call('DEL', key, key .. ':events', key .. ':births', key .. ':pins', key .. ':live', key .. ':uris')
  for state = 0, 15 do call('DEL', key .. ':ended:' .. state) end
end
`;

/**
 * Removes old events from the front of streams, never past the submit of a live
 * job. Streams by their oldest event, from a place among them on: how many were
 * looked at and stay among the old ones, and whether there may be more.
 */
export const TRIM_EVENTS = script(
  `
${PRELUDE}${CUT_FRONT}${REMOVE_JOB_SET}
local until_ms, skip, most = take_number(), take_number(), take_number()

local function pin(key)
  local _, _, unsure = cut_front(key .. ':pins', 1024, function(born)
    return call('HEXISTS', key .. ':births', born) == 1
  end)
  return tonumber(call('LINDEX', key .. ':pins', 0) or math.huge), unsure
end

local found = call('ZRANGE', base .. ':oldest', '-inf', until_ms, 'BYSCORE', 'LIMIT', skip, most)
local staying = 0
for _, n in ipairs(found) do
  local key = base .. ':set:' .. n
  local first = tonumber(call('HGET', key, 'first'))
  local bound, unsure = pin(key)
  if unsure then return {staying, 1} end
  local removed, _, more = cut_front(key .. ':events', math.huge, function(event, gone)
    return first + gone >= bound or unpack_bytes('>I6', event) > until_ms
  end)
  first = first + removed
  local front = call('LINDEX', key .. ':events', 0)
  if not front then
    call('HDEL', key, 'oldest')
    call('HSET', key, 'first', first)
    call('ZREM', base .. ':oldest', n)
    remove_if_empty(n)
  else
    local oldest = unpack_bytes('>I6', front)
    if removed > 0 then
      call('HSET', key, 'first', first, 'oldest', oldest)
      call('ZADD', base .. ':oldest', oldest, n)
    end
    if oldest <= until_ms and not more then staying = staying + 1 end
  end
  if more then return {staying, 1} end
end
return {staying, #found == most and 1 or 0}
`,
  { isVital: true },
);

/**
 * Removes records of one bucket that are still at the versions at which the
 * caller judged them, with all that belongs to them; how many.
 */
export const PURGE = script(
  `
${PRELUDE}${RELEASE_TEMPLATES}${REMOVE_JOB_SET}
local bucket, next_ended = take(), take()
local key = base .. ':jobs:' .. bucket
local released, kept, blocks, counts, total = {}, {}, {}, {}, 0
for i = 1, take_number() do kept[take()] = true end
for i = 1, take_number() do
  local field, version, n, claim, client, job, uri = take(), take_number(), take(), take(), take(), take(), take()
  local runs = {}
  for r = 1, take_number() do runs[r] = {take(), take()} end
  local value = call('HGET', key, field)
  if value and unpack_bytes('>I6', value) == version then
    local _, _, _, _, template, block = unpack_bytes('>I6I6I6I6I4B', value)
    call('HDEL', key, field)
    total = total + 1
    released[template] = (released[template] or 0) - 1
    blocks[block] = (blocks[block] or 0) + 1
    counts[n] = (counts[n] or 0) + 1
    if client ~= '' then
      local held = call('HGET', claim, client)
      if held and string.sub(held, 1, 16) == job then call('HDEL', claim, client) end
    end
    for _, run in ipairs(runs) do call('HDEL', base .. ':runs:' .. run[1], run[2]) end
    if uri ~= '' then call('ZREM', base .. ':set:' .. n .. ':uris', uri) end
  end
end
for template, change in pairs(released) do use_template(template, change) end
for block, count in pairs(blocks) do
  if call('HINCRBY', key, 'b' .. block, -count) == 0 then
    call('HDEL', key, 'b' .. block)
    call('DEL', base .. ':block:' .. bucket .. ':' .. block)
  end
end
for n, count in pairs(counts) do
  local set = base .. ':set:' .. n
  if call('HINCRBY', set, 'jobs', -count) == 0 then
    call('ZREM', base .. ':names', call('HGET', set, 'name'))
  end
  if call('HINCRBY', key, 'k' .. n, -count) == 0 then
    call('HDEL', key, 'k' .. n, 'l' .. n)
    for state = 0, 15 do call('ZREM', set .. ':ended:' .. state, bucket) end
  end
  remove_if_empty(n)
end
local ended = 0
for n in pairs(kept) do
  ended = ended + tonumber(call('HGET', key, 'k' .. n) or 0) - tonumber(call('HGET', key, 'l' .. n) or 0)
end
if ended == 0 then call('ZREM', base .. ':ended', bucket)
elseif next_ended ~= '' and total > 0 then call('ZADD', base .. ':ended', next_ended, bucket) end
return {total}
`,
  { isVital: true },
);
