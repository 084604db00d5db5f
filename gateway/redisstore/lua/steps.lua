-- ARGV: time, keep, run, how many are skipped, how many are wanted
local r = known(ARGV[3])
if not r then return false end
local list, n = T .. 's:' .. r.id, tonumber(ARGV[5])
local kept = redis.call('LLEN', list)
local from = math.min(kept, math.max(0, tonumber(ARGV[4]) - (tonumber(r.f.steps) - kept)))
if n <= 0 then return {} end
return redis.call('LRANGE', list, from, from + n - 1)
