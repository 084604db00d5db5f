-- KEYS: the mark that a note was told. ARGV: T, the note, what is spent.
if redis.call('SET', KEYS[1], '1', 'NX', 'PX', 24 * 3600000) then outbox_note(ARGV[1], ARGV[2], ARGV[3]) end
return { 'ok' }
