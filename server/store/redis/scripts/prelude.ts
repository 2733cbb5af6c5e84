/**
 * What the scripts that write have in common. A script must not fail once it
 * has written, for Redis takes nothing back: everything is checked first.
 *
 * The first command asks for a key that is never there. While a slot of a
 * Cluster is being moved, that alone is refused, and so nothing is written.
 */

/**
 * Arguments, one after another, and the partition: its key, `base`, holds
 *
 *     head, term, mark   number and mark of the newest entry, and the term that seals the log
 *     bytes              of the entries that are kept
 *     epoch, removed     lowest beginning of a stream; newest beginning of one that is gone
 *     sets, templates    numbers that were given out
 */
export const PRELUDE = `
local call, pack, unpack_bytes = redis.call, struct.pack, struct.unpack
local base = KEYS[1]
call('EXISTS', base .. ':nothing')
local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end
local function take_number()
  at = at + 1
  return tonumber(ARGV[at])
end
`;

/**
 * Takes the caller's word for the newest entry it has seen (0 for none): when
 * that is not in the log, this is a copy that has lost it. The mark of an entry
 * stands behind its time (6 bytes), see log.ts.
 */
export const CHECK_SEEN = `
local function lost(head, mark)
  local number, seen = take_number(), take()
  if number == 0 then return false end
  if number > head then return true end
  if number == head then return mark ~= seen end
  local item = call('LINDEX', base .. ':log', number - head - 1)
  return item and string.sub(item, 7, 14) ~= seen
end
`;

/** Puts an entry into the log and wakes those who follow it. */
export const APPEND_LOG = `
local function append_log(number, item, term)
  local now, mark, channel, origin = take_number(), take(), take(), take()
  local entry = pack('>I6', now) .. mark .. item
  call('RPUSH', base .. ':log', entry)
  call('HINCRBY', base, 'bytes', #entry)
  call('HSET', base, 'head', number, 'mark', mark, 'term', term)
  call('PUBLISH', channel, string.match(base, '{(%d+)}') .. ':' .. number .. ':' .. origin)
end
`;

/** A job leaves a template; one that no kept job uses goes, and with the last template of a class the class. */
export const RELEASE_TEMPLATES = `
local function use_template(number, change)
  local used = call('HINCRBY', base .. ':template-uses', number, change)
  if used > 0 then return end
  local stored = call('HGET', base .. ':template', number)
  call('HDEL', base .. ':template-uses', number)
  call('HDEL', base .. ':template', number)
  call('HDEL', base .. ':template-number', string.sub(stored, 1, 16))
  local class = string.sub(stored, 18, 17 + string.byte(stored, 17))
  if class ~= '' and call('HINCRBY', base .. ':class-uses', class, -1) == 0 then
    call('HDEL', base .. ':class-uses', class)
    call('HDEL', base .. ':class', class)
  end
end
`;

/** Keeps the indexes of a job set in step with a bucket: by its live jobs, and by how its others ended. */
export const INDEX_BUCKETS = `
local function count_live(set, bucket, key, change)
  if change == 0 then return end
  local live = call('HINCRBY', key, 'l' .. set.n, change)
  if live == 0 then call('ZREM', set.key .. ':live', bucket)
  elseif live == change then call('ZADD', set.key .. ':live', 0, bucket) end
end

-- Jobs of a bucket that have ended: where the bucket stands because of them is written once.
local function ends_of(bucket)
  local keys, first = {}
  return {
    add = function(set, state, at)
      keys[set.key .. ':ended:' .. state % 16] = true
      first = math.min(first or at, at)
    end,
    write = function()
      for key in pairs(keys) do call('ZADD', key, 0, bucket) end
      if first then call('ZADD', base .. ':ended', 'LT', first, bucket) end
    end
  }
end
`;

/** Gives numbers to the `templates` that have none, with the `classes` that they need. */
export const TEMPLATES = `
for _, template in ipairs(templates) do
  if not template.number then
    template.number = call('HINCRBY', base, 'templates', 1)
    call('HSET', base .. ':template-number', template.id, template.number)
    local class = template.class
    call('HSET', base .. ':template', template.number, template.id .. string.char(#class) .. class .. template.bytes)
    if class ~= '' then
      if classes[class] then call('HSETNX', base .. ':class', class, classes[class]) end
      call('HINCRBY', base .. ':class-uses', class, 1)
    end
  end
end
`;
