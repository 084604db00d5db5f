-- spend charges in a hold what it has cost, and frees what it has reserved, or, where
-- it was charged in full, takes that back. It returns the balance after that, and the
-- peak before.
local function spend(key, field, span, gen, charged, nh, nl, ch, cl)
  local e, others = find(key, field, span)
  if not e or e.gen ~= gen then -- forgotten, or it counts nowhere any more
    local b = others and balance(e, others) or empty()
    return b, b.ph, b.pl
  end
  local b = balance(e, others)
  local bh, bl = b.ph, b.pl
  if charged then
    e.sh, e.sl = minus(e.sh, e.sl, nh, nl)
  else
    e.rh, e.rl = minus(e.rh, e.rl, nh, nl)
  end
  e.sh, e.sl = add(e.sh, e.sl, ch, cl)
  b = balance(e, others)
  if less(b.ph, b.pl, b.sh, b.sl) then b.ph, b.pl = b.sh, b.sl end
  if others and tonumber(field) == others.newest then
    if less(e.ph, e.pl, b.sh, b.sl) then e.ph, e.pl = b.sh, b.sl end
  elseif others then
    local top = entry(others.texts[others.newest])
    if less(top.ph, top.pl, b.sh, b.sl) then
      top.ph, top.pl = b.sh, b.sl
      write(key, string.format('%.0f', others.newest), top)
    end
  end
  if span == 0 then e.last = e.last - 1 end
  if span == 0 and e.last == 0 and e.rh + e.rl + e.ph + e.pl == 0 then
    redis.call('HDEL', key, field)
  else
    write(key, field, e)
  end
  return b, bh, bl
end

-- put_back takes from a bucket what was used beyond the need, or puts back the rest.
local function put_back(key, need, rate, burst, used)
  if used == need then return end
  local tokens, its_rate, its_burst = level(key)
  if tokens then rate, burst = its_rate, its_burst end
  fill(key, (tokens or burst) + need - used, rate, burst)
end
