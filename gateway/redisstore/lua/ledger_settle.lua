-- KEYS: the record. ARGV: T, id, 1 if the slot is a team's, how many takes, what was
-- used of each, how many holds, what is charged in each; of each line: hold, amount, note.
local chore = first()
if chore then return chore end
local id, home, takes = ARGV[2], ARGV[3] == '1', tonumber(ARGV[4])

local r = load(id)
if not r then -- a Reserve that is still on its way comes too late
  save(id, { 's' }, minute)
  return { 'old' }
end
if r[1] == 's' or r[1] == 'v' then
  return { 'old', unpack(r[2] or {}) }
end

local reply = { 'new' }
local balances = {}
for i, h in ipairs(r[4]) do
  local b, bh, bl = spend(r, h, ARGV[5 + takes + i] or '0')
  balances[i] = { b, bh, bl }
  reply[#reply + 1] = join(b.sh, b.sl)
  reply[#reply + 1] = join(b.rh, b.rl)
  reply[#reply + 1] = join(b.ph, b.pl)
  reply[#reply + 1] = join(bh, bl)
end
give_back(id, r, { unpack(ARGV, 5, 4 + takes) })

local lines = 5 + takes + tonumber(ARGV[5 + takes] or '0')
for i = lines + 1, #ARGV, 3 do
  local hold, at, note = unpack(ARGV, i, i + 2)
  local b, bh, bl = unpack(balances[tonumber(hold) + 1])
  local ah, al = split(at)
  if less(bh, bl, ah, al) and not less(b.ph, b.pl, ah, al) then
    if home then
      outbox_note(T, note, join(b.sh, b.sl))
    else
      local untold = cjson.encode({ id .. ':' .. i, note, join(b.sh, b.sl) })
      redis.call('ZADD', T .. 'm:t', now, untold)
      reply[#reply + 1] = untold
    end
  end
end

local rest = minute
local told = nil
if r[2] ~= '' then -- the other slots may ask, or the caller again, as long as the lease is
  rest = math.max(hour, (tonumber(redis.call('ZSCORE', T .. 'm:l', id) or now) - now) / 1000) + minute
  told = { unpack(reply, 2) }
end
save(id, { 's', told }, math.ceil(rest))
redis.call('ZREM', T .. 'm:l', id)
return reply
