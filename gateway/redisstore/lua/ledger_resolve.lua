-- ARGV: T; of each reservation whose lease has ended: id, 1 if it was made in all slots.
for i = 2, #ARGV, 2 do
  local id, made = ARGV[i], ARGV[i + 1] == '1'
  local r, till = load(id), redis.call('ZSCORE', T .. 'm:l', id)
  if r and r[1] == 'h' and till and tonumber(till) <= now then
    if made then
      charge(id, r)
    else
      release(id, r)
      save(id, { 'v' }, hour)
    end
  end
end
return { 'ok' }
