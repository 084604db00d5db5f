-- KEYS: the record, of each take the bucket, of each hold the account.
-- ARGV: T, id, who says whether it was made, the attempt, the words of the record; a form
-- of the lease in milliseconds, how many takes and holds there are; of each take a form of
-- it; of each hold: field, index, and a form of the span, when the slot leaves its window,
-- need, limit, and 1 if only what is spent counts.
-- An attempt of ? takes nothing, and only says what is short.
if chores() then return { 'first' } end
local id, by, attempt, words = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local lease, takes, holds = struct.unpack('>ddd', ARGV[6])
local till = now_ms + 1 + lease

local function known(text)
  local state = string.sub(text, 1, 1)
  if state == 'v' then return { 'void' } end
  if state == 'h' and by ~= '' then -- that the attempt before does not undo it
    redis.call('SET', KEYS[1], 'h' .. words .. string.sub(text, -8 * holds))
  end
  return { 'ok' }
end

if attempt == '?' or takes > 0 then
  local text = redis.call('GET', KEYS[1])
  if text then return known(text) end
end

local short, wait, levels = 0, 0, {}
for i = 1, takes do
  local key, after = KEYS[1 + i], 0
  local at_once, need, rate, burst = struct.unpack('>dddd', ARGV[6 + i])
  if at_once == 1 then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    if redis.call('ZCARD', key) >= rate then after = 1e9 end
  else
    local tokens, its_rate, its_burst = level(key)
    levels[i] = math.min(tokens or burst, burst)
    if tokens and (its_rate ~= rate or its_burst ~= burst) then fill(key, levels[i], rate, burst) end
    local lacks = math.min(need, burst) - levels[i]
    if lacks > 0 then after = lacks / rate * 1e9 end
    if after < 1 then after = 0 end -- less than a nanosecond
  end
  if after > wait then short, wait = i, after end
end
if short > 0 then -- whole microseconds, as the clock has them
  return { 'take', tostring(short - 1), wait < 9e18 and string.format('%.0f', math.ceil(wait / 1000) * 1000) or '9223372036854775807' }
end

local function room(sh, sl, rh, rl, nh, nl, lh, ll, spent_only)
  if spent_only then return less(sh, sl, lh, ll) end
  if less(lh, ll, sh, sl) then return false end
  lh, ll = minus(lh, ll, sh, sl)
  if less(lh, ll, rh, rl) then return false end
  lh, ll = minus(lh, ll, rh, rl)
  return not less(lh, ll, nh, nl)
end

-- vacant is the slot at which there will be room, 0 if there never is.
local function vacant(span, field, e, others, nh, nl, lh, ll, spent_only)
  if span == 0 or not room(0, 0, 0, 0, nh, nl, lh, ll, spent_only) then return 0 end
  if span == 1 then return e and tonumber(field) + 1 or 0 end
  local order, sh, sl, rh, rl = {}, 0, 0, 0, 0
  for n in pairs(others.texts) do
    if n >= others.first then order[#order + 1] = n end
  end
  table.sort(order, function(a, b) return a > b end)
  for _, n in ipairs(order) do
    local x = entry(others.texts[n])
    sh, sl = add(sh, sl, x.sh, x.sl)
    rh, rl = add(rh, rl, x.rh, x.rl)
    if not room(sh, sl, rh, rl, nh, nl, lh, ll, spent_only) then return n + span end
  end
  return 0
end

local found, gens = {}, ''
for i = 1, holds do
  local key, field = KEYS[1 + takes + i], ARGV[4 + takes + 3 * i]
  local span, leaves, nh, nl, lh, ll, spent_only = struct.unpack('>ddddddd', ARGV[6 + takes + 3 * i])
  spent_only = spent_only == 1
  local e, others = find(key, field, span)
  local b = balance(e, others)
  if not room(b.sh, b.sl, b.rh, b.rl, nh, nl, lh, ll, spent_only) then
    local text = takes == 0 and redis.call('GET', KEYS[1])
    if text then return known(text) end
    return { 'hold', tostring(i - 1), struct.pack('>dddddd', b.sh, b.sl, b.rh, b.rl, b.ph, b.pl),
      string.format('%.0f', vacant(span, field, e, others, nh, nl, lh, ll, spent_only)) }
  end
  local fresh = not e
  if fresh then
    e = empty()
    e.gen = tonumber(time[1]) * 1000000 + tonumber(time[2])
  end
  found[i] = { e, fresh, span, leaves, nh, nl, others }
  gens = gens .. struct.pack('>d', e.gen)
end
if attempt == '?' then return { 'ok' } end
if not redis.call('SET', KEYS[1], 'h' .. words .. gens, 'NX') then return known(redis.call('GET', KEYS[1])) end

for i = 1, takes do
  local key = KEYS[1 + i]
  local at_once, need, rate, burst = struct.unpack('>dddd', ARGV[6 + i])
  if at_once == 1 then
    join(key, id, till)
  else
    fill(key, levels[i] - need, rate, burst)
  end
end

-- prune drops the slots of an account that count no more and in which nothing is held.
local function prune(key, span, others)
  local old, flat = {}, others and {} or redis.call('HGETALL', key)
  for n in pairs(others and others.texts or {}) do
    if n < others.first then old[#old + 1] = string.format('%.0f', n) end
  end
  for i = 1, #flat, 2 do
    if flat[i] ~= 'x' and entry(flat[i + 1]).last < now_ms then old[#old + 1] = flat[i] end
  end
  for _, field in ipairs(old) do redis.call('HDEL', key, field) end
end

for i = 1, holds do
  local key, field, index = KEYS[1 + takes + i], ARGV[4 + takes + 3 * i], ARGV[5 + takes + 3 * i]
  local e, fresh, span, leaves, nh, nl, others = unpack(found[i], 1, 7)
  e.rh, e.rl = add(e.rh, e.rl, nh, nl)
  e.count = e.count + 1
  if span > 0 then
    if fresh then
      prune(key, span, others)
      redis.call('SADD', index, key)
    end
    local last = math.max(e.last, leaves + hour, till + hour)
    if last > e.last then
      e.last = last
      keep(key, index, last)
    end
  end
  write(key, field, e)
end
redis.call('ZADD', T .. 'm:l', tostring(till), id)
return { 'ok' }
