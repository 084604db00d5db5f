-- +goose Up

-- Subscribers, until the last of what waits for them is gone.
CREATE TABLE rungate_subscribers (
	name TEXT PRIMARY KEY,
	until INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE rungate_subscriptions (
	type TEXT NOT NULL,
	name TEXT NOT NULL,
	until INTEGER NOT NULL,
	PRIMARY KEY (type, name)
) WITHOUT ROWID;

-- What waits for a subscriber of one run is told in its order: there is a queue as long
-- as there is a message, and only the first of them is due. Whoever adds or ends a
-- message locks its queue before.
CREATE TABLE rungate_queues (
	qid INTEGER PRIMARY KEY AUTOINCREMENT,
	subscriber TEXT NOT NULL,
	team TEXT NOT NULL,
	run TEXT NOT NULL,
	due INTEGER NOT NULL, -- while the first is leased, the end of the lease
	UNIQUE (subscriber, team, run)
);
CREATE INDEX rungate_queues_due ON rungate_queues (subscriber, due, qid);

CREATE TABLE rungate_messages (
	mid INTEGER PRIMARY KEY AUTOINCREMENT,
	subscriber TEXT NOT NULL,
	team TEXT NOT NULL,
	run TEXT NOT NULL,
	event BLOB NOT NULL,
	spent INTEGER, -- what an alert is completed with
	due INTEGER NOT NULL, -- as soon as it is the first
	tries INTEGER NOT NULL DEFAULT 0,
	lease TEXT NOT NULL DEFAULT '',
	dead INTEGER, -- when it died
	event_id TEXT NOT NULL DEFAULT '', -- of one that is dead
	why TEXT NOT NULL DEFAULT ''
);
CREATE INDEX rungate_messages_waiting ON rungate_messages (subscriber, team, run, mid) WHERE dead IS NULL;
CREATE INDEX rungate_messages_dead ON rungate_messages (subscriber, dead, mid) WHERE dead IS NOT NULL;
CREATE INDEX rungate_messages_died ON rungate_messages (dead, mid) WHERE dead IS NOT NULL;
CREATE INDEX rungate_messages_event ON rungate_messages (event_id) WHERE dead IS NOT NULL;
