-- ARGV: time, keep, ids of dead messages
local n = 0
for i = 3, #ARGV do
  local id = ARGV[i]
  local text = redis.call('HGET', T .. 'o:x', id)
  if text then
    local x = unpacked(text) -- subscriber, number, tries, when it died, why, message
    redis.call('HDEL', T .. 'o:x', id)
    redis.call('ZREM', T .. 'o:xi', x[4] .. id)
    outbox_push(T, x[1], unpacked(x[6])[1], x[6], at, at)
    n = n + 1
  end
end
return n
