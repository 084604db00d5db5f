-- ARGV: time, keep, run, call, until
local id, call, till = unpack(ARGV, 3)
local r = known(id)
local ends = r and lease(id, call)
if not ends or at >= ends then return 0 end
touch(r)
fly(r, call, later(ends, till))
flush()
settled(r)
return 1
