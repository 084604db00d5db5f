-- ARGV: time, keep, how many are wanted
local dead = {}
for i, id in ipairs(redis.call('ZREVRANGE', T .. 'o:xi', 0, tonumber(ARGV[3]) - 1)) do
  dead[i] = redis.call('HGET', T .. 'o:x', string.sub(id, 21))
end
return dead
