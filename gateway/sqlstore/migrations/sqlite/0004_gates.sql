-- +goose Up
CREATE TABLE rungate_gates (
	gid INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL UNIQUE,
	rid INTEGER NOT NULL,
	team TEXT NOT NULL,
	fingerprint BLOB NOT NULL,
	pauses BOOLEAN NOT NULL,
	status INTEGER NOT NULL, -- 0 pending, 1 approved, 2 rejected, 3 expired, 4 used, 5 cancelled
	opened INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	claimed INTEGER NOT NULL DEFAULT 0,
	ends INTEGER NOT NULL, -- when it expires: the later of expires and claimed
	ended INTEGER NOT NULL DEFAULT 0, -- when it became neither pending nor approved
	decided INTEGER NOT NULL DEFAULT 0,
	used INTEGER NOT NULL DEFAULT 0,
	past BOOLEAN NOT NULL DEFAULT false, -- no request meets it any more
	claim TEXT NOT NULL DEFAULT '', -- the last one
	args INTEGER NOT NULL, -- bytes of the arguments
	bytes INTEGER NOT NULL, -- of the arguments and the answer
	fixed TEXT NOT NULL, -- JSON of what does not change
	verdict TEXT, -- JSON
	answer BLOB
);
CREATE INDEX rungate_gates_met ON rungate_gates (rid, fingerprint) WHERE NOT past;
CREATE INDEX rungate_gates_of ON rungate_gates (rid, opened, id);
CREATE INDEX rungate_gates_due ON rungate_gates (ends) WHERE status < 2;
CREATE INDEX rungate_gates_live ON rungate_gates (team, ends, bytes) WHERE status < 2;
CREATE INDEX rungate_gates_status ON rungate_gates (status, opened, id);
CREATE INDEX rungate_gates_team ON rungate_gates (team, opened, id);
CREATE INDEX rungate_gates_all ON rungate_gates (opened, id);
