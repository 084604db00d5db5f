-- What a slot keeps of the outbox, by keys that begin with its prefix T:
--   o:s       hash of the subscribers: until when, and what types; o:v the same of their versions
--   o:n       number of the last message
--   o:m:NAME  hash of the messages that wait for a subscriber, by number
--   o:l:NAME  hash of those that were taken: how often, and the last lease
--   o:d:NAME  when they are due; of one run only the first
--   o:r:LENGTH:NAME:RUN  list of those of a run, in their order
--   o:x       hash of those that are dead, o:xi in the order in which they died

-- How many messages wait for a subscriber, and how many are remembered that are
-- dead: of more, those that died first are dropped.
local outbox_most, outbox_most_dead = 100000, 1000

-- outbox_bury keeps a message that is given up.
local function outbox_bury(T, name, n, tries, at, why, message)
  local id = n .. ' ' .. name
  redis.call('HSET', T .. 'o:x', id, pack({ name, n, tries, at, why, message }))
  redis.call('ZADD', T .. 'o:xi', 0, at .. id)
  while redis.call('ZCARD', T .. 'o:xi') > outbox_most_dead do
    local first = redis.call('ZRANGE', T .. 'o:xi', 0, 0)[1]
    redis.call('ZREM', T .. 'o:xi', first)
    redis.call('HDEL', T .. 'o:x', string.sub(first, 21))
  end
end

local function outbox_line(T, name, run) return T .. 'o:r:' .. #name .. ':' .. name .. ':' .. run end

-- outbox_push adds a message. Numbers go up with time, in all slots. Where there is
-- no room, it is dead.
local function outbox_push(T, name, run, message, at, due)
  local n = string.format('%.0f', math.max(tonumber(redis.call('GET', T .. 'o:n') or 0) + 1, micros(at)))
  redis.call('SET', T .. 'o:n', n)
  if redis.call('HLEN', T .. 'o:m:' .. name) >= outbox_most then
    outbox_bury(T, name, n, '0', at, 'too many events wait for it', message)
    return
  end
  redis.call('HSET', T .. 'o:m:' .. name, n, message)
  if redis.call('RPUSH', outbox_line(T, name, run), n) == 1 then
    redis.call('ZADD', T .. 'o:d:' .. name, score(due), n)
  end
end

-- outbox_add keeps what happened at a time in a run for each subscriber that wants
-- events of that type, and has it due from then on, or else from due. Body is the
-- rest of the message, as readEvent reads it.
local function outbox_add(T, at, kind, run, body, due)
  local subscribers, message = redis.call('HGETALL', T .. 'o:s'), nil
  for i = 1, #subscribers, 2 do
    local ends, types = string.sub(subscribers[i + 1], 1, 20), string.sub(subscribers[i + 1], 21)
    if at < ends and string.find(types, ' ' .. kind .. ' ', 1, true) then
      message = message or pack({ run, kind, at, unpack(body) })
      outbox_push(T, subscribers[i], run, message, at, due or at)
    end
  end
end

-- outbox_note keeps the JSON of an event of a settlement, and what is spent, in
-- decimal. It tells whose it is from the note, which is due at once: the times of
-- others are by clocks that may be behind.
local function outbox_note(T, note, spent)
  local e = cjson.decode(note)
  outbox_add(T, clock(), e.Type, e.Run.ID, { 'note', note, spent }, zero)
end

-- outbox_drop takes a message out. What waits behind it is due from then on.
local function outbox_drop(T, name, n, due)
  local message = redis.call('HGET', T .. 'o:m:' .. name, n)
  local list = outbox_line(T, name, unpacked(message)[1])
  redis.call('HDEL', T .. 'o:m:' .. name, n)
  redis.call('HDEL', T .. 'o:l:' .. name, n)
  redis.call('ZREM', T .. 'o:d:' .. name, n)
  redis.call('LREM', list, 1, n)
  local first = redis.call('LINDEX', list, 0)
  if first and not redis.call('ZSCORE', T .. 'o:d:' .. name, first) then
    redis.call('ZADD', T .. 'o:d:' .. name, score(due), first)
  end
  return message
end
