-- +goose Up
CREATE TABLE rungate_gates (
	gid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id text COLLATE "C" NOT NULL UNIQUE,
	rid bigint NOT NULL,
	team text COLLATE "C" NOT NULL,
	fingerprint bytea NOT NULL,
	pauses boolean NOT NULL,
	status smallint NOT NULL, -- 0 pending, 1 approved, 2 rejected, 3 expired, 4 used, 5 cancelled
	opened bigint NOT NULL,
	expires bigint NOT NULL,
	claimed bigint NOT NULL DEFAULT 0,
	ends bigint NOT NULL, -- when it expires: the later of expires and claimed
	ended bigint NOT NULL DEFAULT 0, -- when it became neither pending nor approved
	decided bigint NOT NULL DEFAULT 0,
	used bigint NOT NULL DEFAULT 0,
	past boolean NOT NULL DEFAULT false, -- no request meets it any more
	claim text NOT NULL DEFAULT '', -- the last one
	args bigint NOT NULL, -- bytes of the arguments
	bytes bigint NOT NULL, -- of the arguments and the answer
	fixed text NOT NULL, -- JSON of what does not change
	verdict text, -- JSON
	answer bytea
);
CREATE INDEX rungate_gates_met ON rungate_gates (rid, fingerprint) WHERE NOT past;
CREATE INDEX rungate_gates_of ON rungate_gates (rid, opened, id);
CREATE INDEX rungate_gates_due ON rungate_gates (ends) WHERE status < 2;
CREATE INDEX rungate_gates_live ON rungate_gates (team, ends) INCLUDE (bytes) WHERE status < 2;
CREATE INDEX rungate_gates_status ON rungate_gates (status, opened, id);
CREATE INDEX rungate_gates_team ON rungate_gates (team, opened, id);
CREATE INDEX rungate_gates_all ON rungate_gates (opened, id);
