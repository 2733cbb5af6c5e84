/** Reads that need several steps to be seen at one moment, each bounded. */
import { script } from '../node.ts';

const ARGUMENTS = `
local call, base, at = redis.call, KEYS[1], 0
local function take()
  at = at + 1
  return ARGV[at]
end
`;

/** Job sets by name: number, beginning, first and last sequence, queued and leased jobs. Nothing for those that are not there. */
export const JOB_SETS = script(`
${ARGUMENTS}
local epoch = tonumber(call('HGET', base, 'epoch') or 0)
local found = {}
for i = 1, #ARGV do
  local n = call('HGET', base .. ':sets', ARGV[i])
  found[i] = {}
  if n then
    local row = call('HMGET', base .. ':set:' .. n, 'created', 'first', 'last', 'queued', 'leased')
    found[i] = {tonumber(n), math.max(tonumber(row[1]), epoch), tonumber(row[2]), tonumber(row[3]), tonumber(row[4]), tonumber(row[5])}
  end
end
return found
`);

/** Sequences of a stream after a number, up to about so many bytes: beginning of the stream, number of the first, then each. */
export const STREAM = script(`
${ARGUMENTS}
local n = call('HGET', base .. ':sets', take())
if not n then return {} end
local key = base .. ':set:' .. n
local row = call('HMGET', key, 'created', 'first')
local first = tonumber(row[2])
local number, left, step = math.max(tonumber(take()) + 1, first), tonumber(take()), 1
local reply = {math.max(tonumber(row[1]), tonumber(call('HGET', base, 'epoch') or 0)), number}
while true do
  local items = call('LRANGE', key .. ':events', number - first, number - first + step - 1)
  if #items == 0 then return reply end
  for _, item in ipairs(items) do
    left = left - #item
    if left < 0 and #reply > 2 then return reply end
    reply[#reply + 1] = item
    number = number + 1
  end
  step = math.min(64, step * 4)
end
`);

/** Single sequences, of job sets by name: beginning of the stream, and the sequence. */
export const SEQUENCES = script(`
${ARGUMENTS}
local epoch = tonumber(call('HGET', base, 'epoch') or 0)
local found = {}
for i = 1, #ARGV / 2 do
  found[i] = {}
  local n = call('HGET', base .. ':sets', take())
  local number = tonumber(take())
  if n then
    local key = base .. ':set:' .. n
    local row = call('HMGET', key, 'created', 'first')
    local item = number >= tonumber(row[2]) and call('LINDEX', key .. ':events', number - tonumber(row[2]))
    if item then found[i] = {math.max(tonumber(row[1]), epoch), item} end
  end
end
return found
`);

/** Buckets of a job set from a name on, out of some of its indexes, until they hold so many jobs: name and content of each. */
export const BUCKETS = script(`
${ARGUMENTS}
local n = call('HGET', base .. ':sets', take())
if not n then return {} end
local from, jobs, limit = '[' .. take(), tonumber(take()), 16
local seen, names, reply = {}, {}, {}
local whole = true
-- As Redis sorts. Comparing texts as they are depends on the language of the machine.
local function precedes(one, other)
  for i = 1, #one do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then return b ~= nil and a < b end
  end
  return #one < #other
end
while at < #ARGV do
  local found = call('ZRANGEBYLEX', base .. ':set:' .. n .. ':' .. take(), from, '+', 'LIMIT', 0, limit)
  if #found == limit then whole = false end
  for _, name in ipairs(found) do
    if not seen[name] then names[#names + 1] = name end
    seen[name] = true
  end
end
table.sort(names, precedes)
for i = 1, math.min(#names, limit) do
  local content = call('HGETALL', base .. ':jobs:' .. names[i])
  reply[#reply + 1] = names[i]
  reply[#reply + 1] = content
  jobs = jobs - #content / 2
  if jobs <= 0 then return reply end
end
if whole and #names <= limit then reply[#reply + 1] = '' end
return reply
`);

/**
 * Live jobs of the partition, bucket by bucket, from a bucket of a job set on,
 * until there are about so many: where to go on ('' at the end), then the job
 * set, the name and the live jobs of each bucket, packed: index (1 byte), length
 * (4 bytes) and record of each. As single values they would cost both sides more
 * than all else.
 */
export const ACTIVE = script(`
${ARGUMENTS}
local set_name, bucket, jobs = take(), take(), tonumber(take())
local reply = {'', ''}
-- A field with a number is a job. Its state is the 31st byte, see append.ts.
local function live(content)
  local packed, count = {}, 0
  for i = 1, #content, 2 do
    local field, value = tonumber(content[i]), content[i + 1]
    if field and string.byte(value, 31) >= 16 then
      packed[count + 1] = struct.pack('>BI4', field, #value)
      packed[count + 2] = value
      count = count + 2
    end
  end
  return table.concat(packed)
end
while true do
  local sets = call('ZRANGEBYLEX', base .. ':active', '[' .. set_name, '+', 'LIMIT', 0, 20)
  for i, name in ipairs(sets) do
    if i == 20 then
      set_name = name
      break
    end
    local n = call('HGET', base .. ':sets', name)
    local from = name == set_name and '(' .. bucket or '-'
    if from == '(' then from = '-' end
    while true do
      local found = call('ZRANGEBYLEX', base .. ':set:' .. n .. ':live', from, '+', 'LIMIT', 0, 10)
      for _, each in ipairs(found) do
        local content = call('HGETALL', base .. ':jobs:' .. each)
        reply[#reply + 1] = name
        reply[#reply + 1] = each
        reply[#reply + 1] = live(content)
        jobs = jobs - #content / 2
        from = '(' .. each
        if jobs <= 0 then
          reply[1], reply[2] = name, each
          return reply
        end
      end
      if #found < 10 then break end
    end
  end
  if #sets < 20 then return reply end
  bucket = ''
end
`);

/** Entries of the log after a number, so many and about so many bytes at most: number of the first, then each; nothing when it is kept no longer. */
export const LOG = script(`
${ARGUMENTS}
local head = tonumber(call('HGET', base, 'head') or 0)
local first = head - call('LLEN', base .. ':log') + 1
local number, count, left = tonumber(take()) + 1, tonumber(take()), tonumber(take())
if number > head + 1 or number < first then return {} end
local reply, step = {number}, 4
while count > 0 do
  local items = call('LRANGE', base .. ':log', number - first, number - first + math.min(step, count) - 1)
  if #items == 0 then return reply end
  for _, item in ipairs(items) do
    left = left - #item
    if left < 0 and #reply > 1 then return reply end
    reply[#reply + 1] = item
    number = number + 1
    count = count - 1
  end
  step = math.min(64, step * 4)
end
return reply
`);

/** What this server may take and what it has taken, in bytes; 0 for no bound. */
export const MEMORY = script(`
local text = redis.call('INFO', 'memory')
local function number(name) return tonumber(string.match(text, name .. ':(%d+)') or 0) end
return {number('maxmemory'), number('used_memory') - number('mem_not_counted_for_evict')}
`);
