-- +goose Up

-- The entries of the audit trails. Each has the hash of the one before, see
-- audit.Entry.Sum.
CREATE TABLE rungate_entries (
	team TEXT NOT NULL,
	number INTEGER NOT NULL,
	id TEXT NOT NULL,
	text BLOB NOT NULL,
	prev BLOB NOT NULL,
	hash BLOB NOT NULL,
	PRIMARY KEY (team, number),
	UNIQUE (team, id)
) WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER rungate_entries_updated BEFORE UPDATE ON rungate_entries
BEGIN
	SELECT RAISE(ABORT, 'entries of an audit trail are only added');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER rungate_entries_deleted BEFORE DELETE ON rungate_entries
BEGIN
	SELECT RAISE(ABORT, 'entries of an audit trail are only added');
END;
-- +goose StatementEnd
