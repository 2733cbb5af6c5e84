/**
 * The one atomic step that matters: a batch becomes events, records, claims,
 * counters and a log entry, or changes nothing. It checks in the order in which
 * answers win, then writes. Its arguments are written by ../append.ts, in the
 * order in which they are taken here.
 *
 * A record of a job is 31 bytes of numbers and then what the caller encoded:
 *
 *     version, submitted (6 bytes each)  log numbers
 *     born, last (6 bytes each)          numbers in the stream: of its submit, of its newest event
 *     template (4 bytes)                 what it has in common with many others
 *     block, runs, state (1 byte each)   where its spec is; how many runs; 16 x 0 ended, 1 queued, 2 leased + state
 */
import { script } from '../node.ts';
import { APPEND_LOG, CHECK_SEEN, INDEX_BUCKETS, PRELUDE, RELEASE_TEMPLATES, TEMPLATES } from './prelude.ts';

/** A text of a packed argument (../packed.ts) behind its length. */
const TAKE_TEXT = `
local function take_text(packed, from)
  local length, scale = 0, 1
  while true do
    local byte = string.byte(packed, from)
    from = from + 1
    if byte < 128 then
      length = length + byte * scale
      return string.sub(packed, from, from + length - 1), from + length
    end
    length = length + (byte - 128) * scale
    scale = scale * 128
  end
end
`;

const CHECKS = `
local meta = call('HMGET', base, 'head', 'term', 'mark', 'epoch', 'removed')
local head, current_term = tonumber(meta[1]), tonumber(meta[2])
if not head or lost(head, meta[3]) then return {'lost'} end
local term = take()
if term ~= '' and tonumber(term) < current_term then return {'sealed', current_term} end
local queue, first_bucket, first_field = take(), take(), take()
if first_bucket ~= '' then
  if call('HEXISTS', base .. ':jobs:' .. first_bucket, first_field) == 1 then return {'repeated'} end
  if call('HEXISTS', base .. ':control:1', queue) == 0 then return {'no-queue'} end
end

local claim_count, claims, taken = take_number(), take(), {'claimed'}

local function each_claim(act)
  local from, spread, field, value = 1
  for i = 1, claim_count do
    spread, from = unpack_bytes('>I2', claims, from)
    field, from = take_text(claims, from)
    value, from = take_text(claims, from)
    act(base .. ':claims:' .. spread, field, value, i)
  end
end

-- Claims are made as they are looked at, which is half as much work; whoever is refused gives back those that he made.
local made = {}
local function refuse(reply)
  each_claim(function(key, field, _, i)
    if made[i] then call('HDEL', key, field) end
  end)
  return reply
end

each_claim(function(key, field, value, i)
  if call('HSETNX', key, field, value) == 1 then
    made[i] = true
  else
    taken[#taken + 1] = i - 1
    taken[#taken + 1] = call('HGET', key, field)
  end
end)
if #taken > 1 then return refuse(taken) end

local groups, stale, is_stale = {}, {'stale'}, false
for g = 1, take_number() do
  local bucket, count, packed, from = take(), take_number(), take(), 1
  local group = {bucket = bucket, key = base .. ':jobs:' .. bucket, jobs = {}}
  local fields = {}
  for i = 1, count do
    local job, runs = {runs = {}}
    job.field, job.template, job.state, job.ended, job.run_count, job.expected, job.set, job.key, runs, from =
      unpack_bytes('>BI2BI6BI6I2c16I2', packed, from)
    job.body, from = take_text(packed, from)
    for r = 1, runs do
      local spread, run
      spread, run, from = unpack_bytes('>I2c16', packed, from)
      job.runs[r] = {spread, run}
    end
    group.jobs[i] = job
    fields[i] = job.field
  end
  local values = call('HMGET', group.key, unpack(fields))
  for i, job in ipairs(group.jobs) do
    local value = values[i]
    if value then
      job.version, job.submitted, job.born, job.last, job.old_template, job.block, job.old_runs, job.old_state =
        unpack_bytes('>I6I6I6I6I4BBB', value)
    end
    if job.version ~= job.expected then
      is_stale = true
      if value then
        stale[#stale + 1] = job.key
        stale[#stale + 1] = value
      end
    end
  end
  groups[g] = group
end
if is_stale then return refuse(stale) end

local classes = {}
for i = 1, take_number() do
  local id = take()
  classes[id] = take()
end
local templates = {}
for i = 1, take_number() do
  local template = {id = take(), class = take(), bytes = take(), uses = 0}
  template.number = tonumber(call('HGET', base .. ':template-number', template.id))
  if not template.number and template.class ~= '' and not classes[template.class]
    and call('HEXISTS', base .. ':class', template.class) == 0 then
    return refuse({'broken', template.class})
  end
  templates[i] = template
end
`;

const SETS = `
local number, now = head + 1, take_number()
local epoch = tonumber(meta[4])
local sets, sequences = {}, {}
for i = 1, take_number() do
  local name, item = take(), take()
  local n = call('HGET', base .. ':sets', name)
  local set
  if n then
    local row = call('HMGET', base .. ':set:' .. n, 'created', 'last', 'queued', 'leased', 'jobs', 'oldest')
    set = {created = tonumber(row[1]), last = tonumber(row[2]), queued = tonumber(row[3]),
      leased = tonumber(row[4]), jobs = tonumber(row[5]), oldest = row[6]}
  else
    n = string.format('%d', call('HINCRBY', base, 'sets', 1))
    call('HSET', base .. ':sets', name, n)
    set = {created = math.max(now, epoch, tonumber(meta[5]) + 1), last = 0, queued = 0, leased = 0, jobs = 0}
    call('HSET', base .. ':set:' .. n, 'name', name, 'created', set.created, 'first', 1)
  end
  set.n, set.name, set.key, set.appended, set.births = n, name, base .. ':set:' .. n, 0, {}
  set.had_live, set.had_jobs = set.queued + set.leased, set.jobs > 0
  if item ~= '' then
    set.last = set.last + 1
    set.appended = set.last
    call('RPUSH', set.key .. ':events', pack('>I6', now) .. item)
    if not set.oldest then
      call('HSET', set.key, 'oldest', now)
      call('ZADD', base .. ':oldest', now, n)
    end
    sequences[#sequences + 1] = set.appended
    sequences[#sequences + 1] = math.max(set.created, epoch)
  end
  sets[i] = set
end

local function move(set, born, state, change)
  if state == 0 then return end
  if state == 1 then set.queued = set.queued + change else set.leased = set.leased + change end
  set.births[born] = (set.births[born] or 0) + change
end
`;

const CREATE = `
for g = 1, take_number() do
  local bucket, set, block, count = take(), sets[take_number()], take_number(), take_number()
  local key = base .. ':jobs:' .. bucket
  call('SET', base .. ':block:' .. bucket .. ':' .. block, take())
  local stamp = pack('>I6I6I6I6', number, number, set.appended, set.appended)
  local values, kinds, jobs, from = {}, {[0] = 0, 0, 0}, take(), 1
  local ends = ends_of(bucket)
  local field, template, state, ended_at, runs, body
  for i = 1, count do
    field, template, state, ended_at, runs, from = unpack_bytes('>BI2BI6B', jobs, from)
    body, from = take_text(jobs, from)
    template = templates[template]
    values[2 * i - 1] = field
    values[2 * i] = stamp .. pack('>I4BBB', template.number, block, runs, state) .. body
    template.uses = template.uses + 1
    local kind = math.floor(state / 16)
    kinds[kind] = kinds[kind] + 1
    if kind == 0 then ends.add(set, state, ended_at) end
  end
  move(set, set.appended, 1, kinds[1])
  move(set, set.appended, 2, kinds[2])
  ends.write()
  local live = kinds[1] + kinds[2]
  call('HSET', key, unpack(values))
  call('HINCRBY', key, 'k' .. set.n, count)
  call('HINCRBY', key, 'b' .. block, count)
  count_live(set, bucket, key, live)
  set.jobs = set.jobs + count
end
for i = 1, take_number() do call('HSET', base .. ':runs:' .. take(), take(), take()) end
for i = 1, take_number() do call('ZADD', sets[take_number()].key .. ':uris', 0, take()) end
`;

const CHANGE = `
local released = {}
for _, group in ipairs(groups) do
  local values, live, ends = {}, {}, ends_of(group.bucket)
  for i, job in ipairs(group.jobs) do
    local set, template = sets[job.set], templates[job.template]
    local last = set.appended > 0 and set.appended or job.last
    values[2 * i - 1] = job.field
    values[2 * i] = pack('>I6I6I6I6I4BBB', number, job.submitted, job.born, last,
      template.number, job.block, job.run_count, job.state) .. job.body
    template.uses = template.uses + 1
    released[job.old_template] = (released[job.old_template] or 0) - 1
    local old_kind, kind = math.floor(job.old_state / 16), math.floor(job.state / 16)
    move(set, job.born, old_kind, -1)
    move(set, job.born, kind, 1)
    local change = (kind > 0 and 1 or 0) - (old_kind > 0 and 1 or 0)
    live[job.set] = (live[job.set] or 0) + change
    if kind == 0 then ends.add(set, job.state, job.ended) end
    for r = job.old_runs + 1, #job.runs do
      call('HSET', base .. ':runs:' .. job.runs[r][1], job.runs[r][2], job.key)
    end
  end
  ends.write()
  call('HSET', group.key, unpack(values))
  for index, change in pairs(live) do count_live(sets[index], group.bucket, group.key, change) end
end
`;

const FINISH = `
for i = 1, take_number() do
  local id = take()
  call('HSET', base .. ':operations', id, pack('>I6', number) .. take())
end
for i = 1, take_number() do call('HDEL', base .. ':operations', take()) end

local queue_live = 0
for _, set in ipairs(sets) do
  for born, change in pairs(set.births) do
    if change ~= 0 then
      local live = call('HINCRBY', set.key .. ':births', born, change)
      if live == 0 then call('HDEL', set.key .. ':births', born)
      elseif live == change then call(born == 0 and 'LPUSH' or 'RPUSH', set.key .. ':pins', born) end
    end
  end
  call('HSET', set.key, 'last', set.last, 'queued', set.queued, 'leased', set.leased, 'jobs', set.jobs)
  local live = set.queued + set.leased
  queue_live = queue_live + live - set.had_live
  if live > 0 and set.had_live == 0 then call('ZADD', base .. ':active', 0, set.name) end
  if live == 0 and set.had_live > 0 then call('ZREM', base .. ':active', set.name) end
  if set.jobs > 0 and not set.had_jobs then call('ZADD', base .. ':names', 0, set.name) end
end
if queue_live ~= 0 and call('HINCRBY', base .. ':live', queue, queue_live) == 0 then
  call('HDEL', base .. ':live', queue)
end
for _, template in ipairs(templates) do
  released[template.number] = (released[template.number] or 0) + template.uses
end
for n, change in pairs(released) do
  if change ~= 0 then use_template(n, change) end
end

local place, reply = {pack('>I2', #sequences / 2)}, {'applied', number}
for i, value in ipairs(sequences) do
  place[i + 1] = pack('>I6', value)
  reply[i + 2] = value
end
append_log(number, table.concat(place) .. take(), term ~= '' and term or current_term)
return reply
`;

const PARTS = [
  PRELUDE,
  CHECK_SEEN,
  APPEND_LOG,
  RELEASE_TEMPLATES,
  TAKE_TEXT,
  CHECKS,
  SETS,
  INDEX_BUCKETS,
  TEMPLATES,
  CREATE,
  CHANGE,
  FINISH,
];

export const APPEND = script(PARTS.join(''), { isAcknowledged: true });

/** The same for what adds no jobs. */
export const APPEND_VITAL = script(PARTS.join(''), { isAcknowledged: true, isVital: true });
