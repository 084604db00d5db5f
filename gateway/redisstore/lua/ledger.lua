-- What a slot keeps of the ledger, by keys that begin with its prefix T:
--   m:l         the ids of reservations by the end of their lease, in microseconds
--   m:r:ID      a reservation: see load
--   m:a:OWNER   hash of the owner's accounts that are for ever
--   m:w:OWNER:BUDGET:UNIT:WINDOW  hash of the slots of an account, and x: until when it is kept
--   m:i:OWNER   set of the keys of these
--   m:b:OWNER:RATE:MEASURE  a bucket: what is in it, when, how much comes back in a second, what it holds
--   m:c:OWNER:RATE  the ids that have one of the calls at once, by the end of their lease
--   m:t         of a slot that is no team's: notes that were not told yet, by when they were made
--   m:n:NOTE    of a slot that is a team's: a note that was told
-- Names of keys also come from what is found in others: all have the same hash tag.
--
-- An account, or a slot of one, is five words: which of those that had that place one
-- after the other, spent, reserved, peak, and of an account that is for ever how many
-- reservations may still be settled in it, else until when it is kept, in milliseconds.
local T = ARGV[1]
local hour, minute = 3600000, 60000 -- milliseconds
local at_once = 50 -- reservations, in one script

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2]) -- microseconds
local now_ms = math.floor(now / 1000)

local function whole(n) return string.format('%.0f', n) end

local function entry(text)
  if not text then return nil end
  local gen, spent, reserved, peak, last = string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
  local e = { gen = gen, last = tonumber(last) }
  e.sh, e.sl = split(spent)
  e.rh, e.rl = split(reserved)
  e.ph, e.pl = split(peak)
  return e
end

local function write(key, field, e)
  redis.call('HSET', key, field, e.gen .. ' ' .. join(e.sh, e.sl) .. ' ' .. join(e.rh, e.rl) .. ' ' ..
    join(e.ph, e.pl) .. ' ' .. whole(e.last))
end

local function empty() return { gen = whole(now), sh = 0, sl = 0, rh = 0, rl = 0, ph = 0, pl = 0, last = 0 } end

-- find returns the entry of a hold and the balance of its account, of one that rolls
-- also the entries that count by number, and the highest of these.
local function find(key, field, span)
  if span <= 1 then
    local e = entry(redis.call('HGET', key, field))
    return e, e or empty()
  end
  local number, flat, newest, all = tonumber(field), redis.call('HGETALL', key), 0, {}
  for i = 1, #flat, 2 do
    local n = tonumber(flat[i])
    if n then newest = math.max(newest, n) end
  end
  local first, b = math.max(number, newest) - span + 1, empty()
  local own
  for i = 1, #flat, 2 do
    local n = tonumber(flat[i])
    if n and (n >= first or n == number) then
      local e = entry(flat[i + 1])
      if n == number then own = e end
      if n >= first then
        all[n] = e
        b.sh, b.sl = add(b.sh, b.sl, e.sh, e.sl)
        b.rh, b.rl = add(b.rh, b.rl, e.rh, e.rl)
        if less(b.ph, b.pl, e.ph, e.pl) then b.ph, b.pl = e.ph, e.pl end
      end
    end
  end
  return own, b, all, newest
end

-- keep has the slots of an account, and the index of its owner, kept until a time.
local function keep(key, index, last)
  if last > tonumber(redis.call('HGET', key, 'x') or 0) then
    redis.call('HSET', key, 'x', whole(last))
    redis.call('PEXPIREAT', key, whole(last + minute))
  end
  if redis.call('PTTL', index) < last + minute - now_ms then
    redis.call('PEXPIREAT', index, whole(last + minute))
  end
end

-- A bucket is what x/time/rate makes of it, in the same numbers. level returns what
-- is in it now, and the rate and the burst that hold for it, nil of one that is full.
local function level(key)
  local text = redis.call('GET', key)
  if not text then return nil end
  local tokens, at, rate, burst = string.match(text, '^(%S+) (%S+) (%S+) (%S+)$')
  tokens = tonumber(tokens) + math.max(0, now - tonumber(at)) / 1000000 * tonumber(rate)
  return math.min(tokens, tonumber(burst)), rate, burst
end

-- fill sets what is in a bucket. One that is full is as good as none.
local function fill(key, tokens, rate, burst)
  local full = math.ceil((tonumber(burst) - tokens) / tonumber(rate) * 1000)
  if full <= 0 then
    redis.call('DEL', key)
  else
    redis.call('SET', key, string.format('%.17g %.0f %s %s', tokens, now, rate, burst), 'PX', whole(math.min(full + 1, 1e14)))
  end
end

-- load returns the record of a reservation: its state, who says whether it was made in
-- all its slots, the takes, the holds, and which attempt has made it. Who says is empty
-- where there is one slot, a dot if it is this one, else its prefix. Records of what is
-- not held any more are kept for a while. States are h: held; c: charged in full; s:
-- settled, with what was replied; v: never to be made.
--   A take is: key, b of a bucket or c of calls at once, need, rate, burst.
--   A hold is: key, index, field, span, need, gen. Span is 0 of an account that is for
--   ever, else how many slots count.
local function load(id)
  local text = redis.call('GET', T .. 'm:r:' .. id)
  return text and cmsgpack.unpack(text)
end

local function save(id, r, keep_ms)
  if keep_ms then
    redis.call('SET', T .. 'm:r:' .. id, cmsgpack.pack(r), 'PX', whole(keep_ms))
  else
    redis.call('SET', T .. 'm:r:' .. id, cmsgpack.pack(r))
  end
end

-- charge ends a reservation whose lease has ended.
local function charge(id, r)
  for _, h in ipairs(r[4]) do
    local key, index, field, span, need, gen = unpack(h)
    local e = entry(redis.call('HGET', key, field))
    if e and e.gen == gen then
      local h_, l_ = split(need)
      e.rh, e.rl = minus(e.rh, e.rl, h_, l_)
      e.sh, e.sl = add(e.sh, e.sl, h_, l_)
      if span > 0 and e.last < now_ms + hour then
        e.last = now_ms + hour
        keep(key, index, e.last)
      end
      write(key, field, e)
    end
  end
  for _, t in ipairs(r[3]) do
    if t[2] == 'c' then redis.call('ZREM', t[1], id) end
  end
  r[1] = 'c'
  save(id, r, hour + minute)
  redis.call('ZREM', T .. 'm:l', id)
end

-- first does what has to be done before anything else is: it charges the reservations
-- whose leases have ended. Where that takes too long for one script, or depends on
-- another slot, it returns what the caller has to do before it calls again.
local function first()
  if not string.find(T, '{t:', 1, true) then
    local untold = redis.call('ZRANGEBYSCORE', T .. 'm:t', '-inf', now - 10000000, 'LIMIT', 0, at_once)
    if #untold > 0 then return { 'tell', unpack(untold) } end
  end
  local ended = redis.call('ZRANGEBYSCORE', T .. 'm:l', '-inf', now, 'LIMIT', 0, at_once)
  if #ended == 0 then return nil end
  local ask = { 'ask' }
  for _, id in ipairs(ended) do
    local r = load(id)
    if not r or r[1] ~= 'h' then
      redis.call('ZREM', T .. 'm:l', id)
    elseif r[2] ~= '' and r[2] ~= '.' then
      ask[#ask + 1] = id
      ask[#ask + 1] = r[2]
    else
      charge(id, r)
    end
  end
  if #ask > 1 then return ask end
  if #ended == at_once then return { 'again' } end
  return nil
end

-- spend charges in a hold what it has cost, and frees what it has reserved, or takes
-- back what it was charged with. It returns the balance after that, and the peak before.
local function spend(r, h, cost)
  local key, _, field, span, need, gen = unpack(h)
  local e, b, all, newest = find(key, field, span)
  local bh, bl = b.ph, b.pl
  if not e or e.gen ~= gen then -- forgotten, or it counts nowhere any more
    if span <= 1 then b = empty() end
    return b, b.ph, b.pl
  end
  local nh, nl = split(need)
  local ch, cl = split(cost)
  if r[1] == 'c' then
    e.sh, e.sl = minus(e.sh, e.sl, nh, nl)
  else
    e.rh, e.rl = minus(e.rh, e.rl, nh, nl)
  end
  e.sh, e.sl = add(e.sh, e.sl, ch, cl)
  if span <= 1 then
    if less(e.ph, e.pl, e.sh, e.sl) then e.ph, e.pl = e.sh, e.sl end
    if span == 0 then e.last = e.last - 1 end
    if span == 0 and e.last == 0 and e.rh + e.rl + e.ph + e.pl == 0 then
      redis.call('HDEL', key, field)
    else
      write(key, field, e)
    end
    return e, bh, bl
  end
  write(key, field, e)
  b.sh, b.sl, b.rh, b.rl = 0, 0, 0, 0
  for _, x in pairs(all) do
    b.sh, b.sl = add(b.sh, b.sl, x.sh, x.sl)
    b.rh, b.rl = add(b.rh, b.rl, x.rh, x.rl)
  end
  if less(b.ph, b.pl, b.sh, b.sl) then b.ph, b.pl = b.sh, b.sl end
  local top = all[newest]
  if top and less(top.ph, top.pl, b.sh, b.sl) then
    top.ph, top.pl = b.sh, b.sl
    write(key, whole(newest), top)
  end
  return b, bh, bl
end

-- give_back ends the takes of a reservation, of which so much was used.
local function give_back(id, r, used)
  for i, t in ipairs(r[3]) do
    local key, of, need, rate, burst = unpack(t)
    if of == 'c' then
      redis.call('ZREM', key, id)
    elseif r[1] == 'h' then
      local more = tonumber(used[i] or '0') - tonumber(need)
      if more ~= 0 then
        local tokens, its_rate, its_burst = level(key)
        if tokens then rate, burst = its_rate, its_burst end
        fill(key, (tokens or tonumber(burst)) - more, rate, burst)
      end
    end
  end
end

-- release ends a reservation as if it had never been made.
local function release(id, r)
  for _, h in ipairs(r[4]) do spend(r, h, '0') end
  give_back(id, r, {})
  redis.call('ZREM', T .. 'm:l', id)
end

-- hold_slot has one of the calls at once until a time.
local function hold_slot(key, id, till)
  redis.call('ZADD', key, till, id)
  local last = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]
  redis.call('PEXPIREAT', key, whole(math.ceil(tonumber(last) / 1000) + minute))
end
