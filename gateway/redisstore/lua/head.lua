-- T is what all keys of a team begin with, keep for how many milliseconds Redis keeps
-- what should be gone before.
local T, at, keep = KEYS[1], ARGV[1], ARGV[2]

