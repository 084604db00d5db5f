-- ARGV: time, keep, run, call, hash of what is taken off, the refusal (4) or four empty texts, its
-- being there, id of the step, step, how many steps are kept, and what it adds: spent, eight of tokens
local id, call, repeated = unpack(ARGV, 3, 5)
local refused, step_id, step, most = unpack(ARGV, 10, 13)
local r = known(id)
if not r then return { 'missing' } end
ground(r)

-- add adds to a number of the run: Lua holds no such numbers.
local sums = T .. 'n:' .. id
local function add(field, n)
  if n == '0' then return end
  if type(redis.pcall('HINCRBY', sums, field, n)) == 'table' then -- beyond what there is
    redis.call('HSET', sums, field, string.sub(n, 1, 1) == '-' and '-9223372036854775808' or '9223372036854775807')
  end
end

if step_id ~= '' and redis.call('SADD', T .. 'i:' .. id, step_id) == 1 then
  set(r, 'steps', string.format('%.0f', tonumber(r.f.steps) + 1))
  for i = 0, 8 do add(i, ARGV[14 + i]) end
  local all = redis.call('HMGET', sums, 0, 1, 2, 3, 4, 5, 6, 7, 8)
  for i, n in ipairs(all) do all[i] = n or '0' end
  set(r, 'sums', pack(all))
  if redis.call('RPUSH', T .. 's:' .. id, pack({ step_id, step })) > tonumber(most) then
    redis.call('SREM', T .. 'i:' .. id, unpacked(redis.call('LPOP', T .. 's:' .. id))[1])
  end
end

if lease(id, call) then
  local turn = repeated ~= '' and redis.call('HGET', T .. 'w:' .. id, repeated)
  if turn then
    local x = unpacked(turn) -- count, first, call
    if x[1] ~= '0' then redis.call('HSET', T .. 'w:' .. id, repeated, pack({ string.format('%.0f', tonumber(x[1]) - 1), x[2], '' })) end
  end
  if refused == '1' then refuse(r, { unpack(ARGV, 6, 9) }) end
  touch(r)
  land(r, call)
end
flush()
settled(r)
return { '', shown(r) }
