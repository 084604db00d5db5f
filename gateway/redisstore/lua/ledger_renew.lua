-- KEYS: the record. ARGV: T, id, lease in milliseconds.
if chores() then return { 'first' } end
local id, till = ARGV[2], now_ms + 1 + tonumber(ARGV[3])
local r = load(id)
if not r or r.state ~= 'h' then return { 'ok' } end
redis.call('ZADD', T .. 'm:l', till, id)
for _, t in ipairs(r.takes) do
  if t[2] == 1 then join(t[1], id, till) end
end
for _, h in ipairs(r.holds) do
  local key, index, field, span, _, _, gen = unpack(h, 1, 7)
  local text = span > 0 and redis.call('HGET', key, field)
  local e = text and entry(text)
  if e and e.gen == gen and e.last < till + hour then
    e.last = till + hour
    write(key, field, e)
    keep(key, index, e.last)
  end
end
return { 'ok' }
