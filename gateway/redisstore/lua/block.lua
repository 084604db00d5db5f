-- ARGV: time, keep, run, code, block, JSON of what is exhausted or nothing
local r = known(ARGV[3])
if not r then return { 'missing' } end
if not live(view(r, at)) then return { '', shown(r), 0 } end
set(r, 'st', 'blocked')
set(r, 'rs', ARGV[4])
set(r, 'bb', ARGV[5])
finish(r, at)
flush()
age(r)
local seen = shown(r)
if ARGV[6] ~= '' then tell('budget.exceeded', r, r.f.agent, seen, ARGV[6]) end
tell('run.blocked', r, r.f.agent, seen)
return { '', seen, 1 }
