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

-- rungate_append adds an entry to the trail of its team, unless that has one with the
-- same ID. The trail is locked from then on until the transaction ends, since the next
-- entry needs the hash of this one: it comes last.
-- +goose StatementBegin
CREATE FUNCTION rungate_append(p_team text, p_lock integer, p_id text, p_text bytea) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
	PERFORM pg_advisory_xact_lock(1920298599, p_lock);
	INSERT INTO rungate_entries (team, number, id, text, prev, hash)
	SELECT p_team, l.number, p_id, p_text, l.prev,
		sha256(l.prev || int8send(l.number) || sha256(convert_to(p_team, 'UTF8')) || sha256(convert_to(p_id, 'UTF8')) || p_text)
	FROM (
		SELECT coalesce(e.number, 0) + 1 AS number, coalesce(e.hash, decode(repeat('00', 32), 'hex')) AS prev
		FROM (SELECT) one LEFT JOIN LATERAL (
			SELECT o.number, o.hash FROM rungate_entries o WHERE o.team = p_team ORDER BY o.number DESC LIMIT 1
		) e ON true
	) l
	ON CONFLICT (team, id) DO NOTHING;
END
$$;
-- +goose StatementEnd
