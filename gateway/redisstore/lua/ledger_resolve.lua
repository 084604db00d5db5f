-- ARGV: T; of each reservation whose lease has ended: id, 1 if it was made in all slots, as
-- far as the last one remembers. That it does for more than an hour after the lease.
for i = 2, #ARGV, 2 do
  local id, made = ARGV[i], ARGV[i + 1] == '1'
  local r, till = load(id), redis.call('ZSCORE', T .. 'm:l', id)
  if r and r.state == 'h' and till and tonumber(till) <= now_ms then
    if made or tonumber(till) + hour < now_ms then
      charge(id, r)
    else
      release(id, r)
      redis.call('SET', T .. 'm:r:' .. id, 'v', 'PX', hour)
    end
  end
end
return { 'ok' }
