-- +goose Up

-- Subscribers, until the last of what waits for them is gone.
CREATE TABLE rungate_subscribers (
	name text COLLATE "C" PRIMARY KEY,
	until bigint NOT NULL
);

CREATE TABLE rungate_subscriptions (
	type text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	until bigint NOT NULL,
	PRIMARY KEY (type, name)
);

-- What waits for a subscriber of one run is told in its order: there is a queue as long
-- as there is a message, and only the first of them is due. Whoever adds or ends a
-- message locks its queue before.
CREATE TABLE rungate_queues (
	qid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	subscriber text COLLATE "C" NOT NULL,
	team text COLLATE "C" NOT NULL,
	run text COLLATE "C" NOT NULL,
	due bigint NOT NULL, -- while the first is leased, the end of the lease
	UNIQUE (subscriber, team, run)
) WITH (fillfactor = 70);
CREATE INDEX rungate_queues_due ON rungate_queues (subscriber, due, qid);

CREATE TABLE rungate_messages (
	mid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	subscriber text COLLATE "C" NOT NULL,
	team text COLLATE "C" NOT NULL,
	run text COLLATE "C" NOT NULL,
	event bytea NOT NULL,
	spent bigint, -- what an alert is completed with
	due bigint NOT NULL, -- as soon as it is the first
	tries bigint NOT NULL DEFAULT 0,
	lease text NOT NULL DEFAULT '',
	dead bigint, -- when it died
	event_id text COLLATE "C" NOT NULL DEFAULT '', -- of one that is dead
	why text NOT NULL DEFAULT ''
);
CREATE INDEX rungate_messages_waiting ON rungate_messages (subscriber, team, run, mid) WHERE dead IS NULL;
CREATE INDEX rungate_messages_dead ON rungate_messages (subscriber, dead, mid) WHERE dead IS NOT NULL;
CREATE INDEX rungate_messages_died ON rungate_messages (dead, mid) WHERE dead IS NOT NULL;
CREATE INDEX rungate_messages_event ON rungate_messages (event_id) WHERE dead IS NOT NULL;

-- rungate_tell keeps an event for the subscribers that want it. Spent, where not
-- null, is what its alert is completed with.
-- +goose StatementBegin
CREATE FUNCTION rungate_tell(p_team text, p_run text, p_type text, p_event bytea, p_at bigint, p_spent bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	s text;
BEGIN
	FOR s IN SELECT x.name FROM rungate_subscriptions x WHERE x.type = p_type AND x.until > p_at ORDER BY x.name LOOP
		PERFORM rungate_wait(s, p_team, p_run, p_event, p_spent, p_at);
	END LOOP;
END
$$;
-- +goose StatementEnd

-- rungate_wait adds a message to the end of its queue.
-- +goose StatementBegin
CREATE FUNCTION rungate_wait(p_subscriber text, p_team text, p_run text, p_event bytea, p_spent bigint, p_due bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO rungate_queues (subscriber, team, run, due) VALUES (p_subscriber, p_team, p_run, p_due)
	ON CONFLICT (subscriber, team, run) DO UPDATE SET due = rungate_queues.due;
	INSERT INTO rungate_messages (subscriber, team, run, event, spent, due)
	VALUES (p_subscriber, p_team, p_run, p_event, p_spent, p_due);
END
$$;
-- +goose StatementEnd
