-- ARGV: time, keep, run, call, hash of what is taken off, the refusal (4) or four empty texts, its
-- being there, id of the step, step, how many steps are kept, and what it adds: spent, eight of tokens
local id, call, repeated = unpack(ARGV, 3, 5)
local refused, step_id, step, most = unpack(ARGV, 10, 13)
local r = known(id)
if not r then return { 'missing' } end
ground(r)

if step_id ~= '' and redis.call('SADD', T .. 'i:' .. id, step_id) == 1 then
  add_to(r, 'steps', '1')
  add_to(r, 'sp', ARGV[14])
  for i = 1, 8 do add_to(r, 't' .. i, ARGV[14 + i]) end
  if redis.call('RPUSH', T .. 's:' .. id, pack({ step_id, step })) > tonumber(most) then
    redis.call('SREM', T .. 'i:' .. id, unpacked(redis.call('LPOP', T .. 's:' .. id))[1])
  end
end

if lease(id, call) then
  local turn = repeated ~= '' and redis.call('HGET', T .. 'w:' .. id, repeated)
  if turn then
    local x = unpacked(turn) -- count, first, call
    if x[1] ~= '0' then redis.call('HSET', T .. 'w:' .. id, repeated, pack({ tonumber(x[1]) - 1, x[2], '' })) end
  end
  if refused == '1' then refuse(r, { unpack(ARGV, 6, 9) }) end
  touch(r)
  land(r, call)
end
flush()
settled(r)
return { '', shown(r) }
