-- +goose Up

-- What is spent and reserved in the slots of accounts. Times are in nanoseconds since
-- 1970. Keys are digests of what they stand for, see keys.go.
CREATE TABLE rungate_slots (
	key BLOB NOT NULL, -- of the account
	slot INTEGER NOT NULL,
	spent INTEGER NOT NULL,
	reserved INTEGER NOT NULL,
	peak INTEGER NOT NULL,
	holds INTEGER NOT NULL, -- parts of reservations
	due INTEGER NOT NULL, -- no lease of these ends before that
	until INTEGER NOT NULL, -- when the slot may be dropped; 0 where the account has no window
	owner BLOB NOT NULL,
	account TEXT NOT NULL, -- what it is, for people
	PRIMARY KEY (key, slot)
) WITHOUT ROWID;
CREATE INDEX rungate_slots_owner ON rungate_slots (owner);
CREATE INDEX rungate_slots_until ON rungate_slots (until) WHERE until > 0;

-- What rates are taken from.
CREATE TABLE rungate_buckets (
	key BLOB PRIMARY KEY,
	tokens REAL NOT NULL, -- that were in it at a time; less than nothing is a debt
	at INTEGER NOT NULL,
	per_second REAL NOT NULL, -- 0 of slots for calls at once
	burst INTEGER NOT NULL,
	holders INTEGER NOT NULL, -- parts of reservations: of slots, how many are taken
	due INTEGER NOT NULL
) WITHOUT ROWID;

-- The takes and holds of reservations.
CREATE TABLE rungate_parts (
	id BLOB NOT NULL, -- of the reservation
	n INTEGER NOT NULL, -- holds are counted from 0 up, takes from -1 down
	holds INTEGER NOT NULL, -- how many the reservation has
	key BLOB NOT NULL,
	slot INTEGER, -- null of a take
	span INTEGER NOT NULL, -- how many slots count together, 0 where the window does not roll
	need INTEGER NOT NULL,
	until INTEGER NOT NULL, -- when the lease ends; once it is charged, when that is forgotten
	charged INTEGER NOT NULL DEFAULT 0, -- since the lease has ended
	forgotten INTEGER NOT NULL DEFAULT 0, -- with the account
	PRIMARY KEY (id, n)
) WITHOUT ROWID;
CREATE INDEX rungate_parts_due ON rungate_parts (key, slot, until);

-- The ids under which nothing is reserved: Settle was called for them.
CREATE TABLE rungate_settled (
	id BLOB PRIMARY KEY,
	until INTEGER NOT NULL -- when that is forgotten
) WITHOUT ROWID;
CREATE INDEX rungate_settled_until ON rungate_settled (until);
