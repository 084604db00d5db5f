-- ARGV: time, keep, run
if not known(ARGV[3]) then return false end
return redis.call('HGETALL', T .. 'x:' .. ARGV[3])
