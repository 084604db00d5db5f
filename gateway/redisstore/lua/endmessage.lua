-- ARGV: time, keep, subscriber, message, lease, delivered, why it is dead or nothing, when it is due, id of the
-- event, how many that are dead are kept
local name, n, of, delivered, why, due, event, most = unpack(ARGV, 3)
local x = unpacked(redis.call('HGET', T .. 'o:l:' .. name, n) or '') -- tries, lease
if x[2] ~= of then return 0 end
if delivered == '1' then
  outbox_drop(T, name, n, at)
elseif why == '' then
  redis.call('HSET', T .. 'o:l:' .. name, n, pack({ x[1], '' }))
  redis.call('ZADD', T .. 'o:d:' .. name, score(due), n)
else
  local message, id = outbox_drop(T, name, n, at), n .. ' ' .. name
  redis.call('HSET', T .. 'o:x', id, pack({ name, n, x[1], at, why, message }))
  redis.call('HSET', T .. 'o:xe', id, event)
  redis.call('ZADD', T .. 'o:xi', 0, at .. id)
  while redis.call('ZCARD', T .. 'o:xi') > tonumber(most) do
    local first = redis.call('ZRANGE', T .. 'o:xi', 0, 0)[1]
    redis.call('ZREM', T .. 'o:xi', first)
    redis.call('HDEL', T .. 'o:x', string.sub(first, 21))
    redis.call('HDEL', T .. 'o:xe', string.sub(first, 21))
  end
end
return 1
