-- ARGV: time, keep, gate
if not load_gate(ARGV[3]) then return false end
return { redis.call('GET', T .. 'ga:' .. ARGV[3]) }
