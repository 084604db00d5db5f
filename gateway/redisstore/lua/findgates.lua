-- ARGV: time, keep, gates
local found = {}
for i = 3, #ARGV do
  local g = load_gate(ARGV[i])
  if g then found[#found + 1] = wire_gate(g, status(g, at)) end
end
return found
