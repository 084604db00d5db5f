-- ARGV: team, time in milliseconds since which it must not have been made known
local last = redis.call('ZSCORE', KEYS[1] .. 'teams', ARGV[1])
if last and tonumber(last) < tonumber(ARGV[2]) then redis.call('ZREM', KEYS[1] .. 'teams', ARGV[1]) end
return 1
