-- ARGV: time, keep, gate, claim, until
local claim, till = ARGV[4], ARGV[5]
local g = load_gate(ARGV[3])
if not g then return false end
local s = status(g, at)
if s ~= 'approved' or at < g.f.cl then
  return the_gate(g, s, s == 'approved' and g.f.cm == claim and g.f.cl ~= zero)
end
set_gate(g, 'cm', claim, 'cl', till)
bind(g)
return the_gate(g, g.f.st, true)
