-- KEYS: the record, of each take the bucket, of each hold the account.
-- ARGV: T, id, 1 if the slot is a team's, else 0; a form of how many slots, takes and holds
-- there are; of each take a form of it, and of what was used; of each hold: field, and a
-- form of the span, the need and the charge; of each line: hold, form of the amount, note.
if chores() then return { 'first' } end
local id, home = ARGV[2], ARGV[3] == '1'
local slots, takes, holds = struct.unpack('>ddd', ARGV[4])

local text = redis.call('GET', KEYS[1])
if not text then -- a Reserve that is still on its way is too late
  redis.call('SET', KEYS[1], 's', 'PX', minute)
  return { 'old' }
end
local state = string.sub(text, 1, 1)
if state == 's' and #text > 1 then return { 'old', unpack(cmsgpack.unpack(string.sub(text, 2))) } end
if state == 's' or state == 'v' then return { 'old' } end

for i = 1, takes do
  local key = KEYS[1 + i]
  local at_once, need, rate, burst, used = struct.unpack('>ddddd', ARGV[4 + i])
  if at_once == 1 then
    redis.call('ZREM', key, id)
  elseif state == 'h' then
    put_back(key, need, rate, burst, used)
  end
end

local after, balances = {}, {}
for i = 1, holds do
  local span, nh, nl, ch, cl = struct.unpack('>ddddd', ARGV[4 + takes + 2 * i])
  local gen = struct.unpack('>d', text, #text - 8 * (holds - i) - 7)
  local b, bh, bl = spend(KEYS[1 + takes + i], ARGV[3 + takes + 2 * i], span, gen, state == 'c', nh, nl, ch, cl)
  after[i] = { b, bh, bl }
  balances[i] = struct.pack('>dddddddd', b.sh, b.sl, b.rh, b.rl, b.ph, b.pl, bh, bl)
end
local reply = { 'new', table.concat(balances) }

for i = 5 + takes + 2 * holds, #ARGV, 3 do
  local b, bh, bl = unpack(after[tonumber(ARGV[i]) + 1])
  local ah, al = struct.unpack('>dd', ARGV[i + 1])
  if less(bh, bl, ah, al) and not less(b.ph, b.pl, ah, al) then
    local spent = string.gsub(string.format('%.0f%010.0f', b.sh, b.sl), '^0+(.)', '%1')
    if home then
      outbox_note(T, ARGV[i + 2], spent)
    else
      local untold = cjson.encode({ id .. ':' .. i, ARGV[i + 2], spent })
      redis.call('ZADD', T .. 'm:t', now_ms, untold)
      redis.call('PEXPIRE', T .. 'm:t', 24 * hour)
      reply[#reply + 1] = untold
    end
  end
end

if slots == 1 then
  redis.call('SET', KEYS[1], 's', 'PX', '60000')
else -- the other slots may ask, or the caller again, as long as the lease is
  local rest = tonumber(redis.call('ZSCORE', T .. 'm:l', id) or now_ms) - now_ms
  redis.call('SET', KEYS[1], 's' .. cmsgpack.pack({ unpack(reply, 2) }), 'PX', math.max(hour, rest) + minute)
end
redis.call('ZREM', T .. 'm:l', id)
return reply
