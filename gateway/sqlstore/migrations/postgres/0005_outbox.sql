-- +goose Up
CREATE TABLE rungate_subscriptions (
	type text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	until bigint NOT NULL,
	PRIMARY KEY (type, name)
);

CREATE TABLE rungate_messages (
	mid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	subscriber text COLLATE "C" NOT NULL,
	team text COLLATE "C" NOT NULL,
	run text COLLATE "C" NOT NULL,
	event bytea NOT NULL,
	spent bigint, -- what an alert is completed with
	due bigint NOT NULL, -- while it is leased, the end of the lease
	tries bigint NOT NULL DEFAULT 0,
	lease text NOT NULL DEFAULT '',
	dead bigint, -- when it died
	event_id text COLLATE "C" NOT NULL DEFAULT '', -- of one that is dead
	why text NOT NULL DEFAULT ''
);
CREATE INDEX rungate_messages_waiting ON rungate_messages (subscriber, mid) INCLUDE (due) WHERE dead IS NULL;
CREATE INDEX rungate_messages_order ON rungate_messages (subscriber, team, run, mid) WHERE dead IS NULL;
CREATE INDEX rungate_messages_dead ON rungate_messages (subscriber, dead, mid) WHERE dead IS NOT NULL;
CREATE INDEX rungate_messages_event ON rungate_messages (event_id) WHERE dead IS NOT NULL;

-- rungate_tell keeps an event for the subscribers that want it. Spent, where not
-- null, is what its alert is completed with.
-- +goose StatementBegin
CREATE FUNCTION rungate_tell(team text, run text, event_type text, event bytea, at bigint, spent bigint) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO rungate_messages (subscriber, team, run, event, due, spent)
	SELECT s.name, $1, $2, $4, $5, $6 FROM rungate_subscriptions s WHERE s.type = $3 AND s.until > $5 ORDER BY s.name
$$;
-- +goose StatementEnd
