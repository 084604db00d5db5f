-- Of all teams, by the prefix KEYS[1]: teams are the teams by when they were last
-- made known, s hash of the subscribers, v of their versions, n the last version.
-- ARGV: team, time in milliseconds
redis.call('ZADD', KEYS[1] .. 'teams', ARGV[2], ARGV[1])
return { redis.call('HGETALL', KEYS[1] .. 's'), redis.call('HGETALL', KEYS[1] .. 'v') }
