-- ARGV: time, keep, id of the event
local events, n = redis.call('HGETALL', T .. 'o:xe'), 0
for i = 1, #events, 2 do
  if events[i + 1] == ARGV[3] then
    local id = events[i]
    local x = unpacked(redis.call('HGET', T .. 'o:x', id)) -- subscriber, number, tries, when it died, why, message
    redis.call('HDEL', T .. 'o:x', id)
    redis.call('HDEL', T .. 'o:xe', id)
    redis.call('ZREM', T .. 'o:xi', x[4] .. id)
    outbox_push(T, x[1], unpacked(x[6])[1], x[6], at)
    n = n + 1
  end
end
return n
