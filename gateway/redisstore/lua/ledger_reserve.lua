-- KEYS: the record, of each take the bucket, of each hold the account.
-- ARGV: T, id, lease in microseconds, who says whether it was made, the attempt, how many takes; of each take: b or c, need, rate or
-- limit, burst; of each hold: index, field, span, when the slot leaves its window in
-- milliseconds, need, limit, 1 if only what is spent counts.
-- An attempt of ? takes nothing, and only says what is short.
local chore = first()
if chore then return chore end
local id, till, by, attempt, takes = ARGV[2], now + tonumber(ARGV[3]), ARGV[4], ARGV[5], tonumber(ARGV[6])

local known = load(id)
if known then
  if known[1] == 'v' then return { 'void' } end
  if known[1] == 'h' and by ~= '' and attempt ~= '?' then -- that the attempt before does not undo it
    known[5] = attempt
    save(id, known)
  end
  return { 'ok' }
end

local r = { 'h', by, {}, {}, attempt }
local short, wait, levels = 0, 0, {}
for i = 1, takes do
  local key, of, need, rate, burst = KEYS[1 + i], unpack(ARGV, 3 + 4 * i, 6 + 4 * i)
  local after = 0
  if of == 'c' then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    if redis.call('ZCARD', key) >= tonumber(rate) then after = 1e9 end
  else
    local full = tonumber(burst)
    local tokens, its_rate, its_burst = level(key)
    levels[i] = math.min(tokens or full, full)
    if tokens and (its_rate ~= rate or its_burst ~= burst) then fill(key, levels[i], rate, burst) end
    local lacks = math.min(tonumber(need), full) - levels[i]
    if lacks > 0 then after = lacks / tonumber(rate) * 1e9 end
    if after < 1 then after = 0 end
  end
  if after > wait then short, wait = i, after end
  r[3][i] = { key, of, need, rate, burst }
end
if short > 0 then
  if wait < 9e18 then -- whole microseconds, as the clock has them
    return { 'take', tostring(short - 1), whole(math.ceil(wait / 1000) * 1000) }
  end
  return { 'take', tostring(short - 1), '9223372036854775807' }
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
local function vacant(span, number, e, all, nh, nl, lh, ll, spent_only)
  if span == 0 or not room(0, 0, 0, 0, nh, nl, lh, ll, spent_only) then return 0 end
  if span == 1 then return e and number + 1 or 0 end
  local order = {}
  for n in pairs(all) do order[#order + 1] = n end
  table.sort(order, function(a, b) return a > b end)
  local sh, sl, rh, rl = 0, 0, 0, 0
  for _, n in ipairs(order) do
    sh, sl = add(sh, sl, all[n].sh, all[n].sl)
    rh, rl = add(rh, rl, all[n].rh, all[n].rl)
    if not room(sh, sl, rh, rl, nh, nl, lh, ll, spent_only) then return n + span end
  end
  return 0
end

local found, arg = {}, 6 + 4 * takes
local holds = (#ARGV - arg) / 7
for i = 1, holds do
  local key, index, field, span, leaves, need, limit, spent_only = KEYS[1 + takes + i], unpack(ARGV, arg + 1, arg + 7)
  arg, span, spent_only = arg + 7, tonumber(span), spent_only == '1'
  local e, b, all, newest = find(key, field, span)
  local nh, nl = split(need)
  local lh, ll = split(limit)
  if not room(b.sh, b.sl, b.rh, b.rl, nh, nl, lh, ll, spent_only) then
    return { 'hold', tostring(i - 1), join(b.sh, b.sl), join(b.rh, b.rl), join(b.ph, b.pl),
      whole(vacant(span, tonumber(field) or 0, e, all, nh, nl, lh, ll, spent_only)) }
  end
  r[4][i] = { key, index, field, span, need }
  found[i] = { e or empty(), not e, nh, nl, tonumber(leaves), newest }
end
if attempt == '?' then return { 'ok' } end

for i = 1, takes do
  local key, of, need, rate, burst = unpack(r[3][i])
  if of == 'c' then
    hold_slot(key, id, till)
  else
    fill(key, levels[i] - tonumber(need), rate, burst)
  end
end

-- prune drops the slots of an account that count no more and are not held.
local function prune(key, field, span, newest)
  local first_ = math.max(tonumber(field), newest or 0) - span + 1
  local flat, old = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do
    local n = tonumber(flat[i])
    if n and (span > 1 and n < first_ or span == 1 and entry(flat[i + 1]).last < now_ms) then old[#old + 1] = flat[i] end
  end
  if #old > 0 then redis.call('HDEL', key, unpack(old)) end
end

for i, h in ipairs(r[4]) do
  local key, index, field, span = unpack(h)
  local e, fresh, nh, nl, leaves, newest = unpack(found[i], 1, 6)
  e.rh, e.rl = add(e.rh, e.rl, nh, nl)
  h[6] = e.gen
  if span == 0 then
    e.last = e.last + 1
    write(key, field, e)
  else
    if fresh then prune(key, field, span, newest) end
    local last = math.max(e.last, leaves + hour, math.ceil(till / 1000) + hour)
    local longer = last > e.last
    e.last = last
    write(key, field, e)
    if fresh then redis.call('SADD', index, key) end
    if longer then keep(key, index, last) end
  end
end
save(id, r)
redis.call('ZADD', T .. 'm:l', till, id)
return { 'ok' }
