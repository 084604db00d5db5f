-- ARGV: time, keep, gate, claim, until
local g = load_gate(ARGV[3])
if not g then return false end
local s = status(g, at)
if g.f.cm ~= ARGV[4] or g.f.cl == zero or s ~= 'approved' then return the_gate(g, s, false) end
set_gate(g, 'cl', later(g.f.cl, ARGV[5]))
bind(g)
return the_gate(g, g.f.st, true)
