-- ARGV: time, keep, run, reason
local r = find(ARGV[3])
if not r then return { 'missing' } end
local changed = lapse(r)
if live(view(r, at)) then
  complete(r, ARGV[4], at)
  changed = true
end
flush()
local seen = shown(r)
if changed then outbox_add(T, r.f.cl, 'run.completed', r.id, { 'run', r.f.agent, seen, '' }) end
return { '', seen, changed and 1 or 0 }
