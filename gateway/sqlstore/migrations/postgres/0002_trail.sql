-- +goose Up

-- The entries of the audit trails. Each has the hash of the one before, see
-- audit.Entry.Sum.
CREATE TABLE rungate_entries (
	team text COLLATE "C" NOT NULL,
	number bigint NOT NULL,
	id text COLLATE "C" NOT NULL,
	text bytea NOT NULL,
	prev bytea NOT NULL,
	hash bytea NOT NULL,
	PRIMARY KEY (team, number),
	UNIQUE (team, id)
);

-- +goose StatementBegin
CREATE FUNCTION rungate_unchanged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'entries of an audit trail are only added';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER rungate_entries_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON rungate_entries
	FOR EACH STATEMENT EXECUTE FUNCTION rungate_unchanged();

-- What is to become entries, for about a second: whoever adds one waits for nobody
-- else who does.
CREATE TABLE rungate_unchained (
	team text COLLATE "C" NOT NULL,
	n bigint GENERATED ALWAYS AS IDENTITY, -- who begins after another has ended has a greater one
	id text COLLATE "C" NOT NULL,
	text bytea NOT NULL,
	PRIMARY KEY (team, n)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE TRIGGER rungate_unchained_unchanged BEFORE UPDATE OR TRUNCATE ON rungate_unchained
	FOR EACH STATEMENT EXECUTE FUNCTION rungate_unchanged();

-- +goose StatementBegin
CREATE FUNCTION rungate_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM rungate_entries e WHERE e.team = OLD.team AND e.id = OLD.id) THEN
		RAISE EXCEPTION 'entries of an audit trail are only added';
	END IF;
	RETURN OLD;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER rungate_unchained_kept BEFORE DELETE ON rungate_unchained
	FOR EACH ROW EXECUTE FUNCTION rungate_kept();

-- rungate_append adds an entry to the trail of its team. It locks nothing.
-- +goose StatementBegin
CREATE FUNCTION rungate_append(p_team text, p_id text, p_text bytea) RETURNS void LANGUAGE sql AS $$
	INSERT INTO rungate_unchained (team, id, text) VALUES (p_team, p_id, p_text)
$$;
-- +goose StatementEnd

-- rungate_chain chains up to p_most entries of a team that are not yet, in the order in
-- which they were added, and drops those of which the trail has the ID. It returns how
-- many these were. The trail is locked from then on until the transaction ends, since
-- the next entry needs the hash of the last one: there is nothing else in that. A plan
-- that was made while a table was small would go on reading all of it, for each entry:
-- it uses the index from the beginning.
-- +goose StatementBegin
CREATE FUNCTION rungate_chain(p_team text, p_lock integer, p_most integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_variable
DECLARE
	team_hash CONSTANT bytea := sha256(convert_to(p_team, 'UTF8'));
	number bigint := 0;
	prev bytea := decode(repeat('00', 32), 'hex');
	hash bytea;
	x record;
	done bigint[] := '{}';
BEGIN
	IF NOT EXISTS (SELECT FROM rungate_unchained u WHERE u.team = p_team) THEN
		RETURN 0;
	END IF;
	PERFORM pg_advisory_xact_lock(1920298599, p_lock);
	FOR x IN SELECT e.number, e.hash FROM rungate_entries e WHERE e.team = p_team ORDER BY e.number DESC LIMIT 1 LOOP
		number := x.number; prev := x.hash;
	END LOOP;
	FOR x IN SELECT u.n, u.id, u.text FROM rungate_unchained u WHERE u.team = p_team ORDER BY u.n LIMIT p_most LOOP
		hash := sha256(prev || int8send(number + 1) || team_hash || sha256(convert_to(x.id, 'UTF8')) || x.text);
		INSERT INTO rungate_entries VALUES (p_team, number + 1, x.id, x.text, prev, hash) ON CONFLICT (team, id) DO NOTHING;
		IF FOUND THEN
			number := number + 1; prev := hash;
		END IF;
		done := done || x.n;
	END LOOP;
	DELETE FROM rungate_unchained u WHERE u.team = p_team AND u.n = ANY (done);
	RETURN cardinality(done);
END
$$;
-- +goose StatementEnd
