-- What a slot keeps of the outbox, by keys that begin with its prefix T:
--   o:s         hash of the subscribers: until when, and what types
--   o:n         number of the last message
--   o:m:NAME    hash of the messages that wait for a subscriber, by number
--   o:l:NAME    hash of those that were taken: how often, and the last lease
--   o:d:NAME    when they are due; of one run only the first
--   o:r:NAME:RUN  list of those of a run, in their order

-- outbox_most is how many messages wait for a subscriber: beyond, none is added.
local outbox_most = 100000

local function outbox_push(T, name, run, message, due)
  if redis.call('HLEN', T .. 'o:m:' .. name) >= outbox_most then return end
  local n = redis.call('INCR', T .. 'o:n')
  redis.call('HSET', T .. 'o:m:' .. name, n, message)
  if redis.call('RPUSH', T .. 'o:r:' .. name .. ':' .. run, n) == 1 then
    redis.call('ZADD', T .. 'o:d:' .. name, score(due), n)
  end
end

-- outbox_add keeps what happened at a time in a run for each subscriber that wants
-- events of that type. Body is the rest of the message, as decodeEvent reads it.
local function outbox_add(T, at, kind, run, body)
  local subscribers = redis.call('HGETALL', T .. 'o:s')
  for i = 1, #subscribers, 2 do
    local until_, types = string.sub(subscribers[i + 1], 1, 20), string.sub(subscribers[i + 1], 21)
    if at < until_ and string.find(types, ' ' .. kind .. ' ', 1, true) then
      table.insert(body, 1, at)
      table.insert(body, 1, kind)
      table.insert(body, 1, run)
      outbox_push(T, subscribers[i], run, pack(body), at)
      for _ = 1, 3 do table.remove(body, 1) end
    end
  end
end

-- outbox_note keeps the JSON of an event of a settlement, and what is spent, in
-- decimal. It tells whose it is from the note.
local function outbox_note(T, note, spent)
  local e = cjson.decode(note)
  outbox_add(T, clock(), e.Type, e.Run.ID, { 'note', note, spent })
end
