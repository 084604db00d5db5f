-- A reservation is a letter, a list of words, and the generation of each hold's entry, in
-- 8 bytes. The letter is h of one that is held, c of one that is charged in full. The
-- words are: who says whether it was made in all its slots, which attempt has made it,
-- how many takes there are; of each take: key, form; of each hold: key, index, field,
-- form. Who says is empty where there is one slot, a dot if it is this one, else its
-- prefix. Of others only the letter is kept for a while: s of one that is settled, with
-- what was replied, v of one that is never to be made.
local take_form = '>dddd' -- 1 of calls at once, else 0; need, rate, burst
local hold_form = '>ddd' -- span; need, as two numbers

local function load(id)
  local text = redis.call('GET', T .. 'm:r:' .. id)
  if not text then return nil end
  local r = { state = string.sub(text, 1, 1), text = text, takes = {}, holds = {} }
  if r.state ~= 'h' and r.state ~= 'c' then return r end
  local at = 2
  local function word()
    local colon = string.find(text, ':', at, true)
    local n = tonumber(string.sub(text, at, colon - 1))
    at = colon + n + 1
    return string.sub(text, colon + 1, colon + n)
  end
  local words = tonumber(word())
  r.by, r.attempt = word(), word()
  local takes = tonumber(word())
  for i = 1, takes do
    local key, form_ = word(), word()
    r.takes[i] = { key, struct.unpack(take_form, form_) }
  end
  for i = 1, (words - 4 - 2 * takes) / 4 do
    local key, index, field, form_ = word(), word(), word(), word()
    r.holds[i] = { key, index, field, struct.unpack(hold_form, form_) }
  end
  for i, h in ipairs(r.holds) do h[7] = struct.unpack('>d', text, at + 8 * (i - 1)) end
  return r
end

-- charge ends a reservation whose lease has ended.
local function charge(id, r)
  for _, h in ipairs(r.holds) do
    local key, index, field, span, nh, nl, gen = unpack(h, 1, 7)
    local text = redis.call('HGET', key, field)
    local e = text and entry(text)
    if e and e.gen == gen then
      e.rh, e.rl = minus(e.rh, e.rl, nh, nl)
      e.sh, e.sl = add(e.sh, e.sl, nh, nl)
      if span > 0 and e.last < now_ms + hour then
        e.last = now_ms + hour
        keep(key, index, e.last)
      end
      write(key, field, e)
    end
  end
  for _, t in ipairs(r.takes) do
    if t[2] == 1 then redis.call('ZREM', t[1], id) end
  end
  redis.call('SET', T .. 'm:r:' .. id, 'c' .. string.sub(r.text, 2), 'PX', hour + minute)
  redis.call('ZREM', T .. 'm:l', id)
end

-- release ends a reservation as if it had never been made. Unlike what is settled, it
-- takes no peak to where the end of a lease has taken what is spent.
local function release(id, r)
  for _, h in ipairs(r.holds) do
    local key, _, field, _, nh, nl, gen = unpack(h, 1, 7)
    local text = redis.call('HGET', key, field)
    local e = text and entry(text)
    if e and e.gen == gen then
      e.rh, e.rl = minus(e.rh, e.rl, nh, nl)
      leave(key, field, true, e)
    end
  end
  for _, t in ipairs(r.takes) do
    local key, at_once, need, rate, burst = unpack(t)
    if at_once == 1 then
      redis.call('ZREM', key, id)
    else
      put_back(key, need, rate, burst, 0)
    end
  end
  redis.call('ZREM', T .. 'm:l', id)
end
