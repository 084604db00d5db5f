-- leave writes an entry that a reservation leaves, or, where that may be, drops it if
-- there is nothing in it.
local function leave(key, field, may, e)
  e.count = e.count - 1
  if may and e.count == 0 and e.sh + e.sl + e.rh + e.rl + e.ph + e.pl == 0 then
    redis.call('HDEL', key, field)
  else
    write(key, field, e)
  end
end

-- spend charges in a hold what it has cost, and frees what it has reserved, or, where
-- it was charged in full, takes that back. It returns the balance after that, and the
-- peak before.
local function spend(key, field, span, gen, charged, nh, nl, ch, cl)
  local e, others = find(key, field, span)
  local b = balance(e, others)
  local bh, bl = b.ph, b.pl
  local counts = not others or others.own
  if counts and (not e or e.gen ~= gen) then -- forgotten
    if not others then b = empty() end
    return b, b.ph, b.pl
  end
  if e and e.gen == gen then
    if charged then
      e.sh, e.sl = minus(e.sh, e.sl, nh, nl)
    else
      e.rh, e.rl = minus(e.rh, e.rl, nh, nl)
    end
    e.sh, e.sl = add(e.sh, e.sl, ch, cl)
    b = balance(e, others)
  end
  if less(b.ph, b.pl, b.sh, b.sl) then b.ph, b.pl = b.sh, b.sl end
  if others and tonumber(field) ~= others.newest then -- the newest keeps the peak
    local top = entry(others.texts[others.newest])
    if less(top.ph, top.pl, b.sh, b.sl) then
      top.ph, top.pl = b.sh, b.sl
      write(key, string.format('%.0f', others.newest), top)
    end
  elseif less(e.ph, e.pl, b.sh, b.sl) then
    e.ph, e.pl = b.sh, b.sl
  end
  if e and e.gen == gen then leave(key, field, span == 0, e) end -- others go with their window
  return b, bh, bl
end

-- put_back takes from a bucket what was used beyond the need, or puts back the rest.
local function put_back(key, need, rate, burst, used)
  if used == need then return end
  local tokens, its_rate, its_burst = level(key)
  if tokens then rate, burst = its_rate, its_burst end
  fill(key, (tokens or burst) + need - used, rate, burst)
end
