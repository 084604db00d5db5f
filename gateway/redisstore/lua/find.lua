-- ARGV: time, keep, run
local r = find(ARGV[3])
return r and shown(r) or false
