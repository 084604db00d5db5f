-- ARGV: time, keep, run
local r = known(ARGV[3])
if not r then return { 'missing' } end
local changed = r.f.st == 'blocked'
if changed then lift(r) end
local seen = shown(r)
if changed then tell('run.unblocked', r, r.f.agent, seen) end
return { '', seen, changed and 1 or 0 }
