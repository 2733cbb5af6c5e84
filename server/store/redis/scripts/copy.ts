/**
 * Putting parts of a store into a partition as they were elsewhere (../import.ts).
 * While that goes on, the partition knows by a random mark who does it: whoever
 * began later is the only one who may go on.
 */
import { script } from '../node.ts';
import { MAKE_STORE } from './control.ts';
import { INDEX_BUCKETS, PRELUDE, TEMPLATES } from './prelude.ts';

const CHECK_COPY = `
if call('HGET', base, 'copy') ~= take() then return {'taken'} end
`;

/** The record of a store that is not complete, unless there is a complete one. */
export const BEGIN_STORE = script(`
local layout = redis.call('HGET', KEYS[1], 'layout')
if layout and layout ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'layout', ARGV[1], 'partitions', ARGV[2])
return 1
`);

/** The numbers of an empty partition's log, and who fills it. */
export const BEGIN_PARTITION = script(`
${PRELUDE}
call('HSET', base, 'copy', take(), 'head', take(), 'term', take(), 'removed', take())
return {'copied'}
`);

/** Control records of one kind, or operations, as they are stored. */
export const PUT_FIELDS = script(
  `
${PRELUDE}${CHECK_COPY}
local key = base .. take()
for i = 1, take_number() do call('HSET', key, take(), take()) end
return {'copied'}
`,
  { isAcknowledged: true },
);

/** A job set, or more of its stream. */
export const PUT_STREAM = script(
  `
${PRELUDE}${CHECK_COPY}
local name, queue, is_first = take(), take(), take() == '1'
local n = call('HGET', base .. ':sets', name)
if is_first then
  n = string.format('%d', call('HINCRBY', base, 'sets', 1))
  call('HSET', base .. ':sets', name, n)
  local created, first, last, oldest = take(), take(), take(), take()
  local queued, leased, jobs = take_number(), take_number(), take_number()
  local key = base .. ':set:' .. n
  call('HSET', key, 'name', name, 'created', created, 'first', first, 'last', last,
    'queued', queued, 'leased', leased, 'jobs', jobs)
  if oldest ~= '' then
    call('HSET', key, 'oldest', oldest)
    call('ZADD', base .. ':oldest', oldest, n)
  end
  if queued + leased > 0 then
    call('ZADD', base .. ':active', 0, name)
    call('HINCRBY', base .. ':live', queue, queued + leased)
  end
  if jobs > 0 then call('ZADD', base .. ':names', 0, name) end
end
local key = base .. ':set:' .. n
for i = 1, take_number() do
  local born, live = take(), take()
  call('HSET', key .. ':births', born, live)
  call('RPUSH', key .. ':pins', born)
end
for i = 1, take_number() do call('RPUSH', key .. ':events', take()) end
return {'copied'}
`,
  { isAcknowledged: true },
);

/** Jobs by blocks, each of one bucket and one job set, with their claims, runs and external URIs. */
export const PUT_JOBS = script(
  `
${PRELUDE}${CHECK_COPY}${INDEX_BUCKETS}
local classes, templates, sets = {}, {}, {}
for i = 1, take_number() do
  local id = take()
  classes[id] = take()
end
for i = 1, take_number() do
  local template = {id = take(), class = take(), bytes = take(), uses = 0}
  template.number = tonumber(call('HGET', base .. ':template-number', template.id))
  templates[i] = template
end
${TEMPLATES}
for i = 1, take_number() do
  local n = call('HGET', base .. ':sets', take())
  sets[i] = {n = n, key = base .. ':set:' .. n}
end
for g = 1, take_number() do
  local bucket, set, block, count = take(), sets[take_number()], take_number(), take_number()
  local key = base .. ':jobs:' .. bucket
  call('SET', base .. ':block:' .. bucket .. ':' .. block, take())
  local values, live, ends = {}, 0, ends_of(bucket)
  for i = 1, count do
    local field, template, state, ended_at = take(), templates[take_number()], take_number(), take_number()
    values[2 * i - 1] = field
    values[2 * i] = take() .. pack('>I4', template.number) .. take()
    template.uses = template.uses + 1
    if state >= 16 then live = live + 1 else ends.add(set, state, ended_at) end
  end
  ends.write()
  call('HSET', key, unpack(values))
  call('HINCRBY', key, 'k' .. set.n, count)
  call('HINCRBY', key, 'b' .. block, count)
  count_live(set, bucket, key, live)
end
for _, template in ipairs(templates) do
  call('HINCRBY', base .. ':template-uses', template.number, template.uses)
end
for i = 1, take_number() do call('HSET', base .. ':claims:' .. take(), take(), take()) end
for i = 1, take_number() do call('HSET', base .. ':runs:' .. take(), take(), take()) end
for i = 1, take_number() do call('ZADD', sets[take_number()].key .. ':uris', 0, take()) end
return {'copied'}
`,
  { isAcknowledged: true },
);

/** The partition is whole. */
export const END_PARTITION = script(
  `
${PRELUDE}${CHECK_COPY}
call('HDEL', base, 'copy')
return {'copied'}
`,
  { isAcknowledged: true },
);

/** The store is complete: its record is made anew, as that of any other. */
export const END_STORE = script(`redis.call('DEL', KEYS[1])${MAKE_STORE.text}`, { isAcknowledged: true });
