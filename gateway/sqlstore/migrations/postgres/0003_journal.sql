-- +goose Up

-- Times and durations are in nanoseconds; a time of 0 is none.
CREATE TABLE rungate_runs (
	rid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- of a parent it is less than of its children
	team text COLLATE "C" NOT NULL,
	id text COLLATE "C" NOT NULL,
	auto boolean NOT NULL,
	head text COLLATE "C" NOT NULL, -- the name that its generations share, or of the automatic run
	generation bigint NOT NULL,
	parent bigint NOT NULL, -- 0 of a root
	fixed text NOT NULL, -- JSON of what does not change
	status smallint NOT NULL, -- 0 open, 1 blocked, 2 completed
	idle bigint NOT NULL, -- negative is never
	max_age bigint NOT NULL, -- 0 is none
	max_steps bigint NOT NULL, -- 0 is none
	created bigint NOT NULL,
	last_call bigint NOT NULL,
	closed bigint NOT NULL DEFAULT 0,
	ended bigint NOT NULL DEFAULT 0, -- when it was closed, or is blocked and was last called
	look bigint NOT NULL, -- before which a sweep need not look at it while it is open
	gone bigint NOT NULL DEFAULT 0, -- when the first of its ancestors was closed that are forgotten
	lapsed bigint NOT NULL DEFAULT 0, -- when the last lease of a call of it, or below it, ended of those that are forgotten
	gates_ended bigint NOT NULL DEFAULT 0, -- likewise the last gate
	reason text NOT NULL DEFAULT '',
	block text, -- JSON
	raised text, -- JSON
	steps bigint NOT NULL DEFAULT 0,
	children bigint NOT NULL DEFAULT 0,
	spent bigint NOT NULL DEFAULT 0, -- picodollars
	input bigint NOT NULL DEFAULT 0,
	cache_read bigint NOT NULL DEFAULT 0,
	cache_write bigint NOT NULL DEFAULT 0,
	cache_write_1h bigint NOT NULL DEFAULT 0,
	audio_input bigint NOT NULL DEFAULT 0,
	output bigint NOT NULL DEFAULT 0,
	audio_output bigint NOT NULL DEFAULT 0,
	reasoning bigint NOT NULL DEFAULT 0,
	long boolean NOT NULL DEFAULT false, -- a sweep has to look whether it has too many steps
	UNIQUE (team, id)
) WITH (fillfactor = 70);
-- None of these has a column that an ordinary call changes.
CREATE INDEX rungate_runs_open ON rungate_runs (look, rid) WHERE status = 0;
CREATE INDEX rungate_runs_ended ON rungate_runs (ended, rid) WHERE status <> 0;
CREATE INDEX rungate_runs_long ON rungate_runs (rid) WHERE long;

-- The newest run of those that share a name.
CREATE TABLE rungate_heads (
	team text COLLATE "C" NOT NULL,
	auto boolean NOT NULL,
	name text COLLATE "C" NOT NULL,
	rid bigint NOT NULL,
	PRIMARY KEY (team, auto, name)
);

-- Who is above whom; each run is also above itself.
CREATE TABLE rungate_tree (
	run bigint NOT NULL,
	ancestor bigint NOT NULL,
	PRIMARY KEY (run, ancestor)
);
CREATE INDEX rungate_tree_below ON rungate_tree (ancestor, run);

-- Calls in flight, until their leases end.
CREATE TABLE rungate_calls (
	rid bigint NOT NULL,
	call text COLLATE "C" NOT NULL,
	until bigint NOT NULL,
	PRIMARY KEY (rid, call)
) WITH (fillfactor = 70);

CREATE TABLE rungate_steps (
	rid bigint NOT NULL,
	n bigint NOT NULL, -- from 1 on
	id text COLLATE "C" NOT NULL,
	step text NOT NULL, -- JSON
	PRIMARY KEY (rid, n),
	UNIQUE (rid, id)
);

CREATE TABLE rungate_refusals (
	rid bigint NOT NULL,
	kind bytea NOT NULL, -- hash of what they have in common
	n bigint NOT NULL, -- from 1 on, without a gap
	refusal text NOT NULL, -- JSON of what they have in common
	count bigint NOT NULL,
	first bigint NOT NULL,
	last bigint NOT NULL,
	PRIMARY KEY (rid, kind)
);

CREATE TABLE rungate_repeats (
	rid bigint NOT NULL,
	announced boolean NOT NULL,
	hash bigint NOT NULL,
	seq bigint NOT NULL, -- the greater, the later it came last
	count bigint NOT NULL,
	first bigint NOT NULL,
	within bigint NOT NULL, -- 0 is for ever
	call text NOT NULL, -- that has counted last
	PRIMARY KEY (rid, announced, hash)
);
CREATE INDEX rungate_repeats_order ON rungate_repeats (rid, announced, seq);

-- The functions look runs up one by one: a plan that was made while a table was small
-- would go on reading all of it.

-- rungate_plain locks a run and its ancestors, the root first, as all do who lock a
-- run, and returns it if all are open at that time, and it has no gates: then there is
-- nothing to be found out about it but what its row says. Otherwise all of it is null.
-- +goose StatementBegin
CREATE FUNCTION rungate_plain(p_rid bigint, p_at bigint) RETURNS rungate_runs LANGUAGE plpgsql AS $$
DECLARE
	a bigint;
	r rungate_runs;
BEGIN
	FOR a IN SELECT t.ancestor FROM rungate_tree t WHERE t.run = p_rid ORDER BY t.ancestor LOOP
		SELECT * INTO r FROM rungate_runs x WHERE x.rid = a FOR UPDATE;
		IF NOT FOUND OR r.status <> 0 OR r.gone <> 0 OR r.idle >= 0 AND p_at >= r.last_call + r.idle THEN
			RETURN NULL;
		END IF;
	END LOOP;
	IF r.rid IS NULL OR EXISTS (SELECT 1 FROM rungate_gates g WHERE g.rid = p_rid AND NOT g.past) THEN
		RETURN NULL;
	END IF;
	RETURN r;
END
$$;
-- +goose StatementEnd

-- rungate_touch notes that a plain run was called, and so its ancestors were.
-- +goose StatementBegin
CREATE FUNCTION rungate_touch(p_rid bigint, p_at bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	a bigint;
BEGIN
	FOR a IN SELECT t.ancestor FROM rungate_tree t WHERE t.run = p_rid LOOP
		UPDATE rungate_runs x SET last_call = p_at WHERE x.rid = a AND x.last_call < p_at;
	END LOOP;
END
$$;
-- +goose StatementEnd

-- rungate_attach counts a call in flight where the run that it means is plain and has
-- room for it. Otherwise it does and returns nothing.
-- +goose StatementBegin
CREATE FUNCTION rungate_attach(p_team text, p_auto boolean, p_name text, p_exact boolean, p_call text, p_at bigint, p_until bigint)
RETURNS TABLE (it rungate_runs, in_flight bigint) LANGUAGE plpgsql AS $$
DECLARE
	k bigint;
BEGIN
	IF NOT p_exact THEN
		SELECT h.rid INTO k FROM rungate_heads h WHERE h.team = p_team AND h.auto = p_auto AND h.name = p_name;
	END IF;
	IF k IS NULL AND NOT p_auto THEN
		SELECT x.rid INTO k FROM rungate_runs x WHERE x.team = p_team AND x.id = p_name;
	END IF;
	IF k IS NULL THEN
		RETURN;
	END IF;
	it := rungate_plain(k, p_at);
	IF it.rid IS NULL OR it.max_age > 0 AND p_at - it.created >= it.max_age THEN
		RETURN;
	END IF;
	SELECT count(*) INTO in_flight FROM rungate_calls c WHERE c.rid = k AND c.until > p_at;
	IF it.max_steps > 0 AND it.steps + in_flight >= it.max_steps THEN
		RETURN;
	END IF;
	INSERT INTO rungate_calls VALUES (k, p_call, p_until) ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	in_flight := in_flight + 1;
	PERFORM rungate_touch(k, p_at);
	it.last_call := greatest(it.last_call, p_at);
	RETURN NEXT;
END
$$;
-- +goose StatementEnd

-- rungate_detach ends a call that is in flight in a plain run: with a step, where
-- p_step is not null, and a refusal, where p_kind is not null. Otherwise it does and
-- returns nothing.
-- +goose StatementBegin
CREATE FUNCTION rungate_detach(p_team text, p_id text, p_call text, p_at bigint,
	p_step_id text, p_step text, p_cost bigint, p_input bigint, p_cache_read bigint, p_cache_write bigint, p_cache_write_1h bigint,
	p_audio_input bigint, p_output bigint, p_audio_output bigint, p_reasoning bigint,
	p_kind bytea, p_refusal text, p_repeated bigint)
RETURNS TABLE (it rungate_runs, in_flight bigint) LANGUAGE plpgsql AS $$
DECLARE
	k bigint;
BEGIN
	SELECT x.rid INTO k FROM rungate_runs x WHERE x.team = p_team AND x.id = p_id;
	IF k IS NULL THEN
		RETURN;
	END IF;
	it := rungate_plain(k, p_at);
	IF it.rid IS NULL THEN
		RETURN;
	END IF;
	DELETE FROM rungate_calls c WHERE c.rid = k AND c.call = p_call AND c.until > p_at;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	IF p_step IS NOT NULL THEN
		INSERT INTO rungate_steps VALUES (k, it.steps + 1, p_step_id, p_step) ON CONFLICT DO NOTHING;
		IF FOUND THEN
			UPDATE rungate_runs x SET steps = x.steps + 1, long = x.long OR (x.steps + 1) % 256 = 0,
				spent = least(9223372036854775807, greatest(-9223372036854775808, x.spent::numeric + p_cost)),
				input = x.input + p_input, cache_read = x.cache_read + p_cache_read,
				cache_write = x.cache_write + p_cache_write, cache_write_1h = x.cache_write_1h + p_cache_write_1h,
				audio_input = x.audio_input + p_audio_input, output = x.output + p_output,
				audio_output = x.audio_output + p_audio_output, reasoning = x.reasoning + p_reasoning,
				last_call = greatest(x.last_call, p_at)
			WHERE x.rid = k RETURNING * INTO it;
		END IF;
	END IF;
	IF p_repeated IS NOT NULL THEN
		UPDATE rungate_repeats x SET count = x.count - 1, call = ''
		WHERE x.rid = k AND NOT x.announced AND x.hash = p_repeated AND x.count > 0;
	END IF;
	IF p_kind IS NOT NULL THEN
		INSERT INTO rungate_refusals SELECT k, p_kind, coalesce(max(x.n), 0) + 1, p_refusal, 1, p_at, p_at FROM rungate_refusals x WHERE x.rid = k
		ON CONFLICT (rid, kind) DO UPDATE SET count = rungate_refusals.count + 1, last = p_at;
		DELETE FROM rungate_refusals x WHERE x.rid = k AND x.n <= (SELECT max(y.n) FROM rungate_refusals y WHERE y.rid = k) - 100;
	END IF;
	PERFORM rungate_touch(k, p_at);
	it.last_call := greatest(it.last_call, p_at);
	SELECT count(*) INTO in_flight FROM rungate_calls c WHERE c.rid = k AND c.until > p_at;
	RETURN NEXT;
END
$$;
-- +goose StatementEnd
