-- What a slot keeps of the ledger, by keys that begin with its prefix T:
--   m:l         the ids of reservations by the end of their lease, in milliseconds
--   m:r:ID      a reservation, see ledger_records.lua
--   m:a:OWNER   hash of the owner's accounts that are for ever
--   m:w:OWNER:BUDGET:UNIT:WINDOW  hash of the slots of an account, and x: until when it is kept
--   m:i:OWNER   set of the keys of these
--   m:b:OWNER:RATE:MEASURE  a bucket, see ledger_buckets.lua
--   m:c:OWNER:RATE  the ids that have one of the calls at once, by the end of their lease
--   m:t         of a slot that is no team's: notes that were not told yet, by when they were made
--   m:n:NOTE    of a slot that is a team's: a note that was told
-- Names of keys also come from what is found in others: all have the same hash tag.
local T = ARGV[1]
local hour, minute = 3600000, 60000 -- milliseconds

local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local now = tostring(now_ms)

-- chores reports whether there is something to do before anything else is: to charge
-- the reservations whose leases have ended. How, ledger_first.lua knows.
local function chores()
  return redis.call('ZRANGEBYSCORE', T .. 'm:l', '-inf', now, 'LIMIT', '0', '1')[1]
end

-- An entry is an account, or a slot of one: which of those that had that place one
-- after the other, spent, reserved, peak, how many reservations may still be settled in
-- it, and, of one with a window, until when it is kept, in milliseconds. Its 56 bytes
-- are few enough for a small hash.
local form = '>dI4dI4dI4dI4d'

local function entry(text)
  local gen, sh, sl, rh, rl, ph, pl, count, last = struct.unpack(form, text)
  return { gen = gen, sh = sh, sl = sl, rh = rh, rl = rl, ph = ph, pl = pl, count = count, last = last }
end

local function empty() return { gen = 0, sh = 0, sl = 0, rh = 0, rl = 0, ph = 0, pl = 0, count = 0, last = 0 } end

local function write(key, field, e)
  redis.call('HSET', key, field, struct.pack(form, e.gen, e.sh, e.sl, e.rh, e.rl, e.ph, e.pl, e.count, e.last))
end

-- find returns the entry of a hold, if there is one. Span says how many slots count,
-- 0 of an account that is for ever. Of one that rolls, the sum of the others that count
-- is returned as well, with the texts of all by number, the newest, the first that
-- counts, and whether that of the hold does.
local function find(key, field, span)
  if span <= 1 then
    local text = redis.call('HGET', key, field)
    return text and entry(text)
  end
  local number, newest, texts, flat = tonumber(field), 0, {}, redis.call('HGETALL', key)
  for i = 1, #flat, 2 do
    local n = tonumber(flat[i])
    if n then
      texts[n] = flat[i + 1]
      if n > newest then newest = n end
    end
  end
  local first = math.max(number, newest) - span + 1
  local sh, sl, rh, rl, ph, pl = 0, 0, 0, 0, 0, 0
  for n, text in pairs(texts) do
    if n >= first and n ~= number then
      local _, ash, asl, arh, arl, aph, apl = struct.unpack(form, text)
      sh, sl = add(sh, sl, ash, asl)
      rh, rl = add(rh, rl, arh, arl)
      if less(ph, pl, aph, apl) then ph, pl = aph, apl end
    end
  end
  local others = { sh = sh, sl = sl, rh = rh, rl = rl, ph = ph, pl = pl,
    texts = texts, newest = newest, first = first, own = number >= first }
  return texts[number] and entry(texts[number]), others
end

-- balance is that of the account, of which find has returned an entry and others.
local function balance(e, others)
  if not others then return e or empty() end
  if not e or not others.own then return others end
  local b = { ph = others.ph, pl = others.pl }
  b.sh, b.sl = add(others.sh, others.sl, e.sh, e.sl)
  b.rh, b.rl = add(others.rh, others.rl, e.rh, e.rl)
  if less(b.ph, b.pl, e.ph, e.pl) then b.ph, b.pl = e.ph, e.pl end
  return b
end
