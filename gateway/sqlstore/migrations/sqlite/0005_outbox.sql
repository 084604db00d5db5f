-- +goose Up
CREATE TABLE rungate_subscriptions (
	type TEXT NOT NULL,
	name TEXT NOT NULL,
	until INTEGER NOT NULL,
	PRIMARY KEY (type, name)
) WITHOUT ROWID;

CREATE TABLE rungate_messages (
	mid INTEGER PRIMARY KEY AUTOINCREMENT,
	subscriber TEXT NOT NULL,
	team TEXT NOT NULL,
	run TEXT NOT NULL,
	event BLOB NOT NULL,
	spent INTEGER, -- what an alert is completed with
	due INTEGER NOT NULL, -- while it is leased, the end of the lease
	tries INTEGER NOT NULL DEFAULT 0,
	lease TEXT NOT NULL DEFAULT '',
	dead INTEGER, -- when it died
	event_id TEXT NOT NULL DEFAULT '', -- of one that is dead
	why TEXT NOT NULL DEFAULT ''
);
CREATE INDEX rungate_messages_waiting ON rungate_messages (subscriber, mid) WHERE dead IS NULL;
CREATE INDEX rungate_messages_order ON rungate_messages (subscriber, team, run, mid) WHERE dead IS NULL;
CREATE INDEX rungate_messages_dead ON rungate_messages (subscriber, dead, mid) WHERE dead IS NOT NULL;
CREATE INDEX rungate_messages_event ON rungate_messages (event_id) WHERE dead IS NOT NULL;
