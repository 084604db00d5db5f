-- +goose Up

-- Times and durations are in nanoseconds; a time of 0 is none.
CREATE TABLE rungate_runs (
	rid INTEGER PRIMARY KEY AUTOINCREMENT, -- of a parent it is less than of its children
	team TEXT NOT NULL,
	id TEXT NOT NULL,
	auto BOOLEAN NOT NULL,
	head TEXT NOT NULL, -- the name that its generations share, or of the automatic run
	generation INTEGER NOT NULL,
	parent INTEGER NOT NULL, -- 0 of a root
	fixed TEXT NOT NULL, -- JSON of what does not change
	status INTEGER NOT NULL, -- 0 open, 1 blocked, 2 completed
	idle INTEGER NOT NULL, -- negative is never
	max_age INTEGER NOT NULL, -- 0 is none
	max_steps INTEGER NOT NULL, -- 0 is none
	created INTEGER NOT NULL,
	last_call INTEGER NOT NULL,
	closed INTEGER NOT NULL DEFAULT 0,
	ended INTEGER NOT NULL DEFAULT 0, -- when it was closed, or is blocked and was last called
	look INTEGER NOT NULL, -- before which a sweep need not look at it while it is open
	gone INTEGER NOT NULL DEFAULT 0, -- when the first of its ancestors was closed that are forgotten
	lapsed INTEGER NOT NULL DEFAULT 0, -- when the last lease of a call of it, or below it, ended of those that are forgotten
	gates_ended INTEGER NOT NULL DEFAULT 0, -- likewise the last gate
	reason TEXT NOT NULL DEFAULT '',
	block TEXT, -- JSON
	raised TEXT, -- JSON
	steps INTEGER NOT NULL DEFAULT 0,
	children INTEGER NOT NULL DEFAULT 0,
	spent INTEGER NOT NULL DEFAULT 0, -- picodollars
	input INTEGER NOT NULL DEFAULT 0,
	cache_read INTEGER NOT NULL DEFAULT 0,
	cache_write INTEGER NOT NULL DEFAULT 0,
	cache_write_1h INTEGER NOT NULL DEFAULT 0,
	audio_input INTEGER NOT NULL DEFAULT 0,
	output INTEGER NOT NULL DEFAULT 0,
	audio_output INTEGER NOT NULL DEFAULT 0,
	reasoning INTEGER NOT NULL DEFAULT 0,
	long BOOLEAN NOT NULL DEFAULT false, -- a sweep has to look whether it has too many steps
	UNIQUE (team, id)
);
-- None of these has a column that an ordinary call changes.
CREATE INDEX rungate_runs_open ON rungate_runs (look, rid) WHERE status = 0;
CREATE INDEX rungate_runs_ended ON rungate_runs (ended, rid) WHERE status <> 0;
CREATE INDEX rungate_runs_long ON rungate_runs (rid) WHERE long;

-- The newest run of those that share a name.
CREATE TABLE rungate_heads (
	team TEXT NOT NULL,
	auto BOOLEAN NOT NULL,
	name TEXT NOT NULL,
	rid INTEGER NOT NULL,
	PRIMARY KEY (team, auto, name)
) WITHOUT ROWID;

-- Who is above whom; each run is also above itself.
CREATE TABLE rungate_tree (
	run INTEGER NOT NULL,
	ancestor INTEGER NOT NULL,
	PRIMARY KEY (run, ancestor)
) WITHOUT ROWID;
CREATE INDEX rungate_tree_below ON rungate_tree (ancestor, run);

-- Calls in flight, until their leases end.
CREATE TABLE rungate_calls (
	rid INTEGER NOT NULL,
	call TEXT NOT NULL,
	until INTEGER NOT NULL,
	PRIMARY KEY (rid, call)
) WITHOUT ROWID;

CREATE TABLE rungate_steps (
	rid INTEGER NOT NULL,
	n INTEGER NOT NULL, -- from 1 on
	id TEXT NOT NULL,
	step TEXT NOT NULL, -- JSON
	PRIMARY KEY (rid, n),
	UNIQUE (rid, id)
);

CREATE TABLE rungate_refusals (
	rid INTEGER NOT NULL,
	kind BLOB NOT NULL, -- hash of what they have in common
	n INTEGER NOT NULL, -- from 1 on, without a gap
	refusal TEXT NOT NULL, -- JSON of what they have in common
	count INTEGER NOT NULL,
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	PRIMARY KEY (rid, kind)
) WITHOUT ROWID;

CREATE TABLE rungate_repeats (
	rid INTEGER NOT NULL,
	announced BOOLEAN NOT NULL,
	hash INTEGER NOT NULL,
	seq INTEGER NOT NULL, -- the greater, the later it came last
	count INTEGER NOT NULL,
	first INTEGER NOT NULL,
	within INTEGER NOT NULL, -- 0 is for ever
	call TEXT NOT NULL, -- that has counted last
	PRIMARY KEY (rid, announced, hash)
) WITHOUT ROWID;
CREATE INDEX rungate_repeats_order ON rungate_repeats (rid, announced, seq);
