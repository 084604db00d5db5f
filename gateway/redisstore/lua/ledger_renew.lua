-- ARGV: T, id, lease in microseconds.
local chore = first()
if chore then return chore end
local id, till = ARGV[2], now + tonumber(ARGV[3])

local r = load(id)
if not r or r[1] ~= 'h' then return { 'ok' } end
redis.call('ZADD', T .. 'm:l', till, id)
for _, t in ipairs(r[3]) do
  if t[2] == 'c' then hold_slot(t[1], id, till) end
end
local last = math.ceil(till / 1000) + hour
for _, h in ipairs(r[4]) do
  local key, index, field, span, _, gen = unpack(h)
  local e = span > 0 and entry(redis.call('HGET', key, field))
  if e and e.gen == gen and e.last < last then
    e.last = last
    write(key, field, e)
    keep(key, index, last)
  end
end
return { 'ok' }
