-- ARGV: time, keep, run, call, hash of what is taken off, the refusal (4) or four empty texts, its
-- being there, id of the step, step, how many steps are kept, and what it adds: spent, eight of tokens
local id, call, repeated = unpack(ARGV, 3, 5)
local refused, step_id, step, most = unpack(ARGV, 10, 13)
local r = known(id)
if not r then return { 'missing' } end
ground(r)

-- sum adds two numbers in decimal. Redis itself adds those that Lua cannot hold.
local function sum(a, b)
  if #a < 16 and #b < 16 then return string.format('%.0f', tonumber(a) + tonumber(b)) end
  local key = T .. 'n'
  redis.call('SET', key, a)
  local n
  if type(redis.pcall('INCRBY', key, b)) ~= 'table' then
    n = redis.call('GET', key)
  else -- beyond what there is
    n = string.sub(b, 1, 1) == '-' and '-9223372036854775808' or '9223372036854775807'
  end
  redis.call('DEL', key)
  return n
end

if step_id ~= '' and redis.call('SADD', T .. 'i:' .. id, step_id) == 1 then
  local sums = unpacked(r.f.sums)
  for i = 1, 9 do
    local n = ARGV[13 + i]
    sums[i] = sums[i] or '0'
    if n ~= '0' then sums[i] = sum(sums[i], n) end
  end
  set(r, 'sums', pack(sums))
  set(r, 'steps', string.format('%.0f', tonumber(r.f.steps) + 1))
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
