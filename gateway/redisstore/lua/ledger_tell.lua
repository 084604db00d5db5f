-- KEYS: the mark that a note was told. ARGV: T, the note, what is spent.
if redis.call('SET', KEYS[1], '1', 'NX', 'PX', whole(24 * hour)) then outbox_note(T, ARGV[2], ARGV[3]) end
return { 'ok' }
