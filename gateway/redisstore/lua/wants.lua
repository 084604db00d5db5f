-- ARGV: time, keep, and for each subscriber its name, until when and types, and version
for i = 3, #ARGV, 3 do
  if tonumber(redis.call('HGET', T .. 'o:v', ARGV[i]) or 0) < tonumber(ARGV[i + 2]) then
    redis.call('HSET', T .. 'o:s', ARGV[i], ARGV[i + 1])
    redis.call('HSET', T .. 'o:v', ARGV[i], ARGV[i + 2])
  end
end
for _, key in ipairs({ 'o:s', 'o:v' }) do redis.call('PEXPIRE', T .. key, keep) end
return 1
