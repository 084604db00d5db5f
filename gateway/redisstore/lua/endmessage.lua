-- ARGV: time, keep, subscriber, message, lease, delivered, why it is dead or nothing, when it is due
local name, n, of, delivered, why, due = unpack(ARGV, 3)
local x = unpacked(redis.call('HGET', T .. 'o:l:' .. name, n) or '') -- tries, lease
if of == '' or x[2] ~= of then return 0 end
if delivered == '1' then
  outbox_drop(T, name, n, at)
elseif why == '' then
  redis.call('HSET', T .. 'o:l:' .. name, n, pack({ x[1], '' }))
  redis.call('ZADD', T .. 'o:d:' .. name, score(due), n)
else
  outbox_bury(T, name, n, x[1], at, why, outbox_drop(T, name, n, at))
end
return 1
