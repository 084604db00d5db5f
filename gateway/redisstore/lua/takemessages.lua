-- ARGV: time, keep, subscriber, until, lease, and the messages
local name, till, new = unpack(ARGV, 3, 5)
local taken = {}
for i = 6, #ARGV do
  local n = ARGV[i]
  local due = redis.call('ZSCORE', T .. 'o:d:' .. name, n)
  if due and tonumber(due) <= micros(at) then
    local tries = unpacked(redis.call('HGET', T .. 'o:l:' .. name, n) or '')[1] or '0'
    redis.call('HSET', T .. 'o:l:' .. name, n, pack({ string.format('%.0f', tonumber(tries) + 1), new }))
    redis.call('ZADD', T .. 'o:d:' .. name, score(till), n)
    taken[#taken + 1] = n
    taken[#taken + 1] = tries
    taken[#taken + 1] = redis.call('HGET', T .. 'o:m:' .. name, n)
  end
end
return taken
