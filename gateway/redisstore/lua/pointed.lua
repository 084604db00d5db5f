-- ARGV: time, keep, and for each gate its id and what was done with its pointer
for i = 3, #ARGV, 2 do
  if redis.call('HGET', T .. 'l:pointers', ARGV[i]) == ARGV[i + 1] then redis.call('HDEL', T .. 'l:pointers', ARGV[i]) end
end
return 1
