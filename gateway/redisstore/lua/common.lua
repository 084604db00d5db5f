-- Times are 20 digits: seconds since the year 1, and nanoseconds. As text they
-- compare as the times do; no number of Lua holds them.
local zero = '00000000000000000000'

local function later(a, b)
  if a > b then return a end
  return b
end

-- micros is a time as a score: microseconds since 1970, cut off.
local function micros(t)
  return (tonumber(string.sub(t, 1, 11)) - 62135596800) * 1000000 + math.floor(tonumber(string.sub(t, 12)) / 1000)
end

-- score is that as text.
local scored, scored_as
local function score(t)
  if t ~= scored then scored, scored_as = t, string.format('%.0f', micros(t)) end
  return scored_as
end

-- A duration is nanoseconds in decimal. limbs are the seconds and nanoseconds of
-- one that is not negative.
local function limbs(d)
  return tonumber(string.sub(d, 1, -10)) or 0, tonumber(string.sub(d, -9))
end

-- plus is the time t and a duration, which is not negative, after it.
local function plus(t, d)
  local s, n = limbs(d)
  s, n = s + tonumber(string.sub(t, 1, 11)), n + tonumber(string.sub(t, 12))
  if n >= 1000000000 then s, n = s + 1, n - 1000000000 end
  return string.format('%011.0f%09.0f', s, n)
end

-- between is the duration from a to b, which is not earlier.
local function between(a, b)
  local s = tonumber(string.sub(b, 1, 11)) - tonumber(string.sub(a, 1, 11))
  local n = tonumber(string.sub(b, 12)) - tonumber(string.sub(a, 12))
  if n < 0 then s, n = s - 1, n + 1000000000 end
  if s == 0 then return string.format('%.0f', n) end
  return string.format('%.0f%09.0f', s, n)
end

-- above reports whether the number a is greater than b, both in decimal and not
-- negative.
local function above(a, b)
  if #a ~= #b then return #a > #b end
  return a > b
end

-- clock is the server's time.
local function clock()
  local t = redis.call('TIME')
  return string.format('%011.0f%06d000', tonumber(t[1]) + 62135596800, tonumber(t[2]))
end

-- pack writes a list of texts as one, and unpacked reads it. Numbers are read as
-- numbers again: those that are too large for Lua have to be texts.
local pack = cmsgpack.pack

local function unpacked(text)
  if text == '' then return {} end
  return cmsgpack.unpack(text)
end
