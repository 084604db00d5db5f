-- +goose Up

-- What is spent and reserved in the slots of accounts. Times are in nanoseconds since
-- 1970. Keys are digests of what they stand for, see keys.go.
CREATE TABLE rungate_slots (
	key uuid NOT NULL, -- of the account
	slot bigint NOT NULL,
	spent bigint NOT NULL DEFAULT 0,
	reserved bigint NOT NULL DEFAULT 0,
	peak bigint NOT NULL DEFAULT 0,
	holds bigint NOT NULL, -- parts of reservations
	due bigint NOT NULL, -- no lease of these ends before that
	until bigint NOT NULL, -- when the slot may be dropped; 0 where the account has no window
	lock integer NOT NULL, -- what the key is locked by
	owner uuid NOT NULL,
	account text NOT NULL, -- what it is, for people
	PRIMARY KEY (key, slot)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
-- Neither has a column that an ordinary call changes.
CREATE INDEX rungate_slots_owner ON rungate_slots (owner);
CREATE INDEX rungate_slots_until ON rungate_slots (until) WHERE until > 0;

-- What rates are taken from.
CREATE TABLE rungate_buckets (
	key uuid PRIMARY KEY,
	tokens double precision NOT NULL, -- that were in it at a time; less than nothing is a debt
	at bigint NOT NULL,
	per_second double precision NOT NULL, -- 0 of slots for calls at once
	burst bigint NOT NULL,
	holders bigint NOT NULL, -- parts of reservations: of slots, how many are taken
	due bigint NOT NULL,
	lock integer NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- The takes and holds of reservations.
CREATE TABLE rungate_parts (
	id uuid NOT NULL, -- of the reservation
	n integer NOT NULL, -- holds are counted from 0 up, takes from -1 down
	holds integer NOT NULL, -- how many the reservation has
	key uuid NOT NULL,
	slot bigint, -- null of a take
	span bigint NOT NULL, -- how many slots count together, 0 where the window does not roll
	need bigint NOT NULL,
	until bigint NOT NULL, -- when the lease ends; once it is charged, when that is forgotten
	charged boolean NOT NULL DEFAULT false, -- since the lease has ended
	forgotten boolean NOT NULL DEFAULT false, -- with the account
	lock integer NOT NULL,
	PRIMARY KEY (id, n)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX rungate_parts_due ON rungate_parts (key, slot, until);

-- The ids under which nothing is reserved: Settle was called for them. A server that
-- crashes has nothing on its way, so that they need not outlast that.
CREATE UNLOGGED TABLE rungate_settled (
	id uuid PRIMARY KEY,
	until bigint NOT NULL -- when that is forgotten
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX rungate_settled_until ON rungate_settled (until);

-- Who changes rows has the lock of their key. Locks are taken in this order, so that
-- nobody waits in a circle: that of a reservation; those of keys, by rising number. Some
-- are only tried, after those of keys. They end with the transaction.
-- A lock stands for many keys: that makes one wait longer at the most.

-- rungate_now is the clock of leases and rates.
-- +goose StatementBegin
CREATE FUNCTION rungate_now() RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000
$$;
-- +goose StatementEnd

-- rungate_sum adds amounts that are not negative, up to the largest number.
-- +goose StatementBegin
CREATE FUNCTION rungate_sum(a bigint, b bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN a > 9223372036854775807 - b THEN 9223372036854775807 ELSE a + b END
$$;
-- +goose StatementEnd

-- rungate_fill is what a bucket has in it now.
-- +goose StatementBegin
CREATE FUNCTION rungate_fill(tokens double precision, burst bigint, per_second double precision, elapsed bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$
	SELECT least(burst::float8, tokens + ((greatest(0, elapsed) / 1000000000)::float8 + (greatest(0, elapsed) % 1000000000)::float8 / 1e9::float8) * per_second)
$$;
-- +goose StatementEnd

-- rungate_expire ends the leases of parts that are due, and forgets those that were
-- charged long ago. The keys are locked.
-- +goose StatementBegin
CREATE FUNCTION rungate_expire(keys uuid[], now bigint) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
	most CONSTANT bigint := 9223372036854775807;
	correctable CONSTANT bigint := 3600000000000;
BEGIN
	-- What they hold is charged.
	WITH ended AS (
		UPDATE rungate_parts p SET charged = true, until = now + correctable
		WHERE p.key = ANY (keys) AND p.until <= now AND p.slot IS NOT NULL AND NOT p.charged
		RETURNING p.key, p.slot, CASE WHEN p.forgotten THEN 0 ELSE p.need END AS need
	)
	UPDATE rungate_slots s SET reserved = s.reserved - e.need, spent = least(most, s.spent + e.need)
	FROM (SELECT ended.key, ended.slot, sum(ended.need) AS need FROM ended GROUP BY 1, 2) e
	WHERE s.key = e.key AND s.slot = e.slot;

	-- Takes are gone, and so is what was charged before.
	WITH gone AS (
		DELETE FROM rungate_parts p WHERE p.key = ANY (keys) AND p.until <= now
		RETURNING p.key, p.slot, p.forgotten
	), slots AS (
		UPDATE rungate_slots s SET holds = s.holds - g.n
		FROM (SELECT gone.key, gone.slot, count(*) AS n FROM gone WHERE NOT gone.forgotten AND gone.slot IS NOT NULL GROUP BY 1, 2) g
		WHERE s.key = g.key AND s.slot = g.slot
	)
	UPDATE rungate_buckets b SET holders = b.holders - g.n
	FROM (SELECT gone.key, count(*) AS n FROM gone WHERE gone.slot IS NULL GROUP BY 1) g
	WHERE b.key = g.key;

	UPDATE rungate_slots s SET due = coalesce((SELECT min(p.until) FROM rungate_parts p WHERE p.key = s.key AND p.slot = s.slot), most)
	WHERE s.key = ANY (keys) AND s.due <= now;
	UPDATE rungate_buckets b SET due = coalesce((SELECT min(p.until) FROM rungate_parts p WHERE p.key = b.key AND p.slot IS NULL), most)
	WHERE b.key = ANY (keys) AND b.due <= now;
	PERFORM rungate_drop(keys);
END
$$;
-- +goose StatementEnd

-- rungate_drop drops accounts without a window that have nothing in them.
-- +goose StatementBegin
CREATE FUNCTION rungate_drop(keys uuid[]) RETURNS void LANGUAGE sql AS $$
	DELETE FROM rungate_slots s
	WHERE s.key = ANY (keys) AND s.until = 0 AND s.holds = 0 AND s.spent = 0 AND s.peak = 0
$$;
-- +goose StatementEnd

-- rungate_tidy looks at up to n slots that have left their window, and at n slots and n
-- buckets somewhere. It drops what is as good as not there, and ends leases that nobody
-- else has found. What somebody is at work with it leaves alone.
-- +goose StatementBegin
CREATE FUNCTION rungate_tidy(n bigint, now bigint) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
	correctable CONSTANT bigint := 3600000000000;
	somewhere uuid := gen_random_uuid();
	x record;
BEGIN
	FOR x IN SELECT s.key, s.slot, s.lock FROM rungate_slots s WHERE s.until > 0 AND s.until <= now ORDER BY s.until LIMIT n LOOP
		CONTINUE WHEN NOT pg_try_advisory_xact_lock(1920298598, x.lock);
		PERFORM rungate_expire(ARRAY[x.key], now);
		DELETE FROM rungate_slots s WHERE s.key = x.key AND s.slot = x.slot AND s.until <= now AND s.holds = 0;
		UPDATE rungate_slots s SET until = now + correctable WHERE s.key = x.key AND s.slot = x.slot AND s.until <= now;
	END LOOP;
	FOR x IN SELECT s.key, s.due, s.lock FROM rungate_slots s WHERE s.key > somewhere ORDER BY s.key LIMIT n LOOP
		CONTINUE WHEN x.due > now OR NOT pg_try_advisory_xact_lock(1920298598, x.lock);
		PERFORM rungate_expire(ARRAY[x.key], now);
	END LOOP;
	FOR x IN SELECT b.key, b.due, b.lock FROM rungate_buckets b WHERE b.key > somewhere ORDER BY b.key LIMIT n LOOP
		CONTINUE WHEN NOT pg_try_advisory_xact_lock(1920298598, x.lock);
		IF x.due <= now THEN
			PERFORM rungate_expire(ARRAY[x.key], now);
		END IF;
		DELETE FROM rungate_buckets b WHERE b.key = x.key AND b.holders = 0
			AND (b.per_second = 0 OR rungate_fill(b.tokens, b.burst, b.per_second, now - b.at) >= b.burst);
	END LOOP;
END
$$;
-- +goose StatementEnd

-- rungate_room is the slot at which a hold will fit in that does not now; 0 is never.
-- +goose StatementBegin
CREATE FUNCTION rungate_room(of uuid, at bigint, span bigint, rolls boolean, need bigint, most bigint, spent_only boolean) RETURNS bigint
LANGUAGE sql AS $$
	SELECT coalesce((
		SELECT c.slot + span FROM (
			SELECT s.slot, sum(s.spent) OVER w AS spent, sum(s.reserved) OVER w AS reserved
			FROM rungate_slots s
			WHERE s.key = of AND CASE WHEN rolls
				THEN s.slot > greatest(at, (SELECT max(o.slot) FROM rungate_slots o WHERE o.key = of)) - span
				ELSE s.slot = at END
			WINDOW w AS (ORDER BY s.slot DESC)
		) c
		WHERE CASE WHEN spent_only THEN c.spent >= most ELSE c.spent + c.reserved + need > most END
		ORDER BY c.slot DESC LIMIT 1
	), 0)
$$;
-- +goose StatementEnd

-- rungate_reserve takes everything or nothing. Of takes, per_second is 0 for slots.
-- Room is asked for where a hold has a window and its need can ever fit in. The result
-- names the take or the hold, counted from 0, that there was too little for; neither
-- is -1 where all was there.
-- +goose StatementBegin
CREATE FUNCTION rungate_reserve(
	p_id uuid, p_lock integer, p_lease bigint, p_locks integer[],
	t_keys uuid[], t_locks integer[], t_rates double precision[], t_needs bigint[], t_limits bigint[], t_bursts bigint[],
	h_keys uuid[], h_locks integer[], h_owners uuid[], h_slots bigint[], h_spans bigint[], h_rolls boolean[],
	h_needs bigint[], h_limits bigint[], h_spent_only boolean[], h_untils bigint[], h_names text[],
	r_team text, r_id text, r_text bytea,
	OUT take integer, OUT after bigint, OUT hold integer, OUT spent bigint, OUT reserved bigint, OUT peak bigint, OUT room bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
	most CONSTANT bigint := 9223372036854775807;
	now bigint;
	known boolean;
	settled boolean;
	late boolean;
	fresh bigint := 0;
	more bigint;
	b rungate_buckets;
	h record;
	l integer;
	have double precision;
	wait double precision;
	tokens double precision[];
BEGIN
	take := -1; after := 0; hold := -1; spent := 0; reserved := 0; peak := 0; room := 0;
	PERFORM pg_advisory_xact_lock(1920298597, p_lock);
	FOREACH l IN ARRAY p_locks LOOP
		PERFORM pg_advisory_xact_lock(1920298598, l);
	END LOOP;
	now := rungate_now();

	SELECT EXISTS (SELECT FROM rungate_parts p WHERE p.id = p_id),
		EXISTS (SELECT FROM rungate_settled x WHERE x.id = p_id),
		EXISTS (SELECT FROM rungate_slots s WHERE s.key = ANY (h_keys) AND s.due <= now)
			OR EXISTS (SELECT FROM rungate_buckets k WHERE k.key = ANY (t_keys) AND k.due <= now)
		INTO known, settled, late;
	IF late THEN
		PERFORM rungate_expire(t_keys || h_keys, now);
		known := EXISTS (SELECT FROM rungate_parts p WHERE p.id = p_id);
	END IF;
	IF known OR settled THEN
		RETURN;
	END IF;

	FOR i IN 1 .. cardinality(t_keys) LOOP
		SELECT * INTO b FROM rungate_buckets k WHERE k.key = t_keys[i];
		IF NOT FOUND THEN
			fresh := fresh + 1;
		END IF;
		IF t_rates[i] = 0 THEN
			tokens[i] := 0;
			IF coalesce(b.holders, 0) >= t_limits[i] AND after < 1000000000 THEN
				take := i - 1; after := 1000000000;
			END IF;
			CONTINUE;
		END IF;
		have := t_bursts[i];
		IF b.key IS NOT NULL THEN
			have := least(have, rungate_fill(b.tokens, b.burst, b.per_second, now - b.at));
		END IF;
		have := have - least(t_needs[i], t_bursts[i]);
		IF have < 0 THEN
			wait := trunc(-have / t_rates[i] * 1e9::float8);
			IF wait > after THEN
				take := i - 1; after := CASE WHEN wait >= most::float8 THEN most ELSE wait::bigint END;
			END IF;
		END IF;
		tokens[i] := have - greatest(0, t_needs[i] - t_bursts[i]);
	END LOOP;
	IF take >= 0 THEN
		RETURN;
	END IF;

	IF cardinality(h_keys) > 0 THEN
		SELECT w.i, a.spent, a.reserved, a.peak INTO h
		FROM unnest(h_keys, h_slots, h_spans, h_rolls, h_needs, h_limits, h_spent_only)
			WITH ORDINALITY AS w (key, slot, span, rolls, need, most, spent_only, i),
			LATERAL (
				SELECT coalesce(sum(s.spent), 0) AS spent, coalesce(sum(s.reserved), 0) AS reserved, coalesce(max(s.peak), 0) AS peak
				FROM rungate_slots s
				WHERE s.key = w.key AND CASE WHEN w.rolls
					THEN s.slot > greatest(w.slot, (SELECT max(o.slot) FROM rungate_slots o WHERE o.key = w.key)) - w.span
					ELSE s.slot = w.slot END
			) a
		WHERE CASE WHEN w.spent_only THEN a.spent >= w.most ELSE a.spent + a.reserved + w.need > w.most END
		ORDER BY w.i LIMIT 1;
		IF FOUND THEN
			hold := h.i - 1; spent := least(most, h.spent); reserved := least(most, h.reserved); peak := h.peak;
			IF h_untils[h.i] > 0 AND (CASE WHEN h_spent_only[h.i] THEN h_limits[h.i] > 0 ELSE h_needs[h.i] <= h_limits[h.i] END) THEN
				room := rungate_room(h_keys[h.i], h_slots[h.i], h_spans[h.i], h_rolls[h.i], h_needs[h.i], h_limits[h.i], h_spent_only[h.i]);
			END IF;
			RETURN;
		END IF;
		WITH opened AS (
			INSERT INTO rungate_slots AS s (key, slot, reserved, holds, due, until, lock, owner, account)
			SELECT u.key, u.slot, u.need, 1, now + p_lease, u.until, u.lock, u.owner, u.name
			FROM unnest(h_keys, h_slots, h_needs, h_untils, h_locks, h_owners, h_names) AS u (key, slot, need, until, lock, owner, name)
			ON CONFLICT (key, slot) DO UPDATE SET reserved = rungate_sum(s.reserved, excluded.reserved), holds = s.holds + 1, due = least(s.due, excluded.due)
			RETURNING s.xmax = 0 AS fresh
		)
		SELECT count(*) INTO more FROM opened WHERE opened.fresh;
		fresh := fresh + more;
	END IF;
	IF cardinality(t_keys) > 0 THEN
		INSERT INTO rungate_buckets AS k (key, tokens, at, per_second, burst, holders, due, lock)
		SELECT u.key, u.tokens, now, u.rate, u.burst, 1, now + p_lease, u.lock
		FROM unnest(t_keys, tokens, t_rates, t_bursts, t_locks) AS u (key, tokens, rate, burst, lock)
		ON CONFLICT (key) DO UPDATE SET tokens = excluded.tokens, at = excluded.at, per_second = excluded.per_second, burst = excluded.burst,
			holders = k.holders + 1, due = least(k.due, excluded.due);
	END IF;
	INSERT INTO rungate_parts (id, n, holds, key, slot, span, need, until, lock)
	SELECT p_id, -u.i, cardinality(h_keys), u.key, NULL, 0, u.need, now + p_lease, u.lock
	FROM unnest(t_keys, t_needs, t_locks) WITH ORDINALITY AS u (key, need, lock, i)
	UNION ALL
	SELECT p_id, u.i - 1, cardinality(h_keys), u.key, u.slot, CASE WHEN u.rolls THEN u.span ELSE 0 END, u.need, now + p_lease, u.lock
	FROM unnest(h_keys, h_slots, h_spans, h_rolls, h_needs, h_locks) WITH ORDINALITY AS u (key, slot, span, rolls, need, lock, i);
	IF fresh > 0 THEN
		PERFORM rungate_tidy(4 * fresh, now);
	END IF;
	IF r_id IS NOT NULL THEN
		PERFORM rungate_append(r_team, r_id, r_text);
	END IF;
END
$$;
-- +goose StatementEnd

-- rungate_lock locks a reservation and the keys of its parts, and ends the leases there
-- that are due. It returns these keys, and nothing where it is not known.
-- +goose StatementBegin
CREATE FUNCTION rungate_lock(p_id uuid, p_lock integer, OUT keys uuid[], OUT now bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
	locks integer[];
	l integer;
BEGIN
	PERFORM pg_advisory_xact_lock(1920298597, p_lock);
	SELECT array_agg(p.key), array_agg(DISTINCT p.lock ORDER BY p.lock) INTO keys, locks FROM rungate_parts p WHERE p.id = p_id;
	IF keys IS NULL THEN
		RETURN;
	END IF;
	FOREACH l IN ARRAY locks LOOP
		PERFORM pg_advisory_xact_lock(1920298598, l);
	END LOOP;
	now := rungate_now();
	IF EXISTS (SELECT FROM rungate_slots s WHERE s.key = ANY (keys) AND s.due <= now)
		OR EXISTS (SELECT FROM rungate_buckets b WHERE b.key = ANY (keys) AND b.due <= now)
		OR EXISTS (SELECT FROM rungate_parts p WHERE p.id = p_id AND p.until <= now)
	THEN
		PERFORM rungate_expire(keys, now);
	END IF;
END
$$;
-- +goose StatementEnd

-- rungate_renew begins the lease of a reservation anew.
-- +goose StatementBegin
CREATE FUNCTION rungate_renew(p_id uuid, p_lock integer, p_lease bigint) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
	keys uuid[];
	now bigint;
BEGIN
	SELECT * INTO keys, now FROM rungate_lock(p_id, p_lock);
	IF keys IS NULL OR EXISTS (SELECT FROM rungate_parts p WHERE p.id = p_id AND p.charged) THEN
		RETURN;
	END IF;
	UPDATE rungate_parts p SET until = now + p_lease WHERE p.id = p_id;
	-- The lease may be shorter than it was.
	UPDATE rungate_slots s SET due = now + p_lease FROM rungate_parts p
	WHERE p.id = p_id AND s.key = p.key AND s.slot = p.slot AND s.due > now + p_lease;
	UPDATE rungate_buckets b SET due = now + p_lease FROM rungate_parts p
	WHERE p.id = p_id AND b.key = p.key AND p.slot IS NULL AND b.due > now + p_lease;
END
$$;
-- +goose StatementEnd

-- rungate_bar sees to it that nothing is reserved under an id, which is locked, for a
-- minute. At one id in sixteen it forgets those of which that is over, more than have
-- come since.
-- +goose StatementBegin
CREATE FUNCTION rungate_bar(p_id uuid, p_lock integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	now CONSTANT bigint := rungate_now();
BEGIN
	INSERT INTO rungate_settled AS x (id, until) VALUES (p_id, now + 60000000000)
	ON CONFLICT (id) DO UPDATE SET until = excluded.until;
	IF p_lock % 16 = 0 THEN
		DELETE FROM rungate_settled x WHERE x.id IN (
			SELECT o.id FROM rungate_settled o WHERE o.until <= now ORDER BY o.until LIMIT 64 FOR UPDATE SKIP LOCKED
		);
	END IF;
END
$$;
-- +goose StatementEnd

-- rungate_settle ends a reservation: of takes, what was used; of holds, the charges;
-- both null for nothing. It returns the balances of the holds, counted from 0, and keeps
-- for subscribers what is to be told of the lines that this has passed.
-- +goose StatementBegin
CREATE FUNCTION rungate_settle(p_id uuid, p_lock integer, p_used bigint[], p_charges bigint[], l_holds integer[], l_ats bigint[], l_notes bytea[])
RETURNS TABLE (hold integer, spent bigint, reserved bigint, peak bigint, before bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
	most CONSTANT bigint := 9223372036854775807;
	keys uuid[];
	now bigint;
	x record;
	used bigint;
	newest bigint;
	empty boolean := false;
BEGIN
	SELECT * INTO keys, now FROM rungate_lock(p_id, p_lock);
	IF keys IS NULL THEN
		PERFORM rungate_bar(p_id, p_lock);
		RETURN;
	END IF;
	IF (SELECT count(*) <> max(p.holds) FROM rungate_parts p WHERE p.id = p_id AND p.slot IS NOT NULL) THEN
		RETURN; -- some of it is known no more
	END IF;

	FOR x IN SELECT p.n, p.key, p.need, b.tokens, b.at, b.per_second, b.burst
		FROM rungate_parts p JOIN rungate_buckets b ON b.key = p.key WHERE p.id = p_id AND p.slot IS NULL
	LOOP
		used := greatest(0, coalesce(p_used[-x.n], 0));
		UPDATE rungate_buckets b SET at = now, holders = b.holders - 1,
			tokens = least(x.burst::float8, rungate_fill(x.tokens, x.burst, x.per_second, now - x.at) - (used - x.need)::float8)
		WHERE b.key = x.key;
	END LOOP;

	FOR x IN
		UPDATE rungate_slots s SET holds = s.holds - 1,
			reserved = s.reserved - CASE WHEN p.charged THEN 0 ELSE p.need END,
			spent = rungate_sum(CASE WHEN p.charged THEN greatest(0, s.spent - p.need) ELSE s.spent END, greatest(0, coalesce(p_charges[p.n + 1], 0))),
			peak = CASE WHEN p.span > 0 THEN s.peak ELSE greatest(s.peak, rungate_sum(CASE WHEN p.charged THEN greatest(0, s.spent - p.need) ELSE s.spent END, greatest(0, coalesce(p_charges[p.n + 1], 0)))) END
		FROM rungate_parts p JOIN rungate_slots o ON o.key = p.key AND o.slot = p.slot
		WHERE p.id = p_id AND NOT p.forgotten AND s.key = p.key AND s.slot = p.slot
		RETURNING p.n, p.span, s.key, s.slot, s.spent, s.reserved, s.peak, o.peak AS before
	LOOP
		hold := x.n; spent := x.spent; reserved := x.reserved; peak := x.peak; before := x.before;
		IF x.span > 0 THEN
			SELECT max(s.slot) INTO newest FROM rungate_slots s WHERE s.key = x.key;
			SELECT least(most, sum(s.spent)), least(most, sum(s.reserved)), max(s.peak) INTO spent, reserved, before
			FROM rungate_slots s WHERE s.key = x.key AND s.slot > greatest(x.slot, newest) - x.span;
			peak := greatest(before, spent);
			UPDATE rungate_slots s SET peak = greatest(s.peak, spent) WHERE s.key = x.key AND s.slot = newest;
		END IF;
		FOR i IN 1 .. coalesce(cardinality(l_holds), 0) LOOP
			IF l_holds[i] = hold AND before < l_ats[i] AND peak >= l_ats[i] THEN
				PERFORM rungate_tell(convert_from(l_notes[i], 'UTF8')::json -> 'Run' ->> 'Team', convert_from(l_notes[i], 'UTF8')::json -> 'Run' ->> 'ID',
					'budget.alert', l_notes[i], now, spent);
			END IF;
		END LOOP;
		empty := empty OR x.spent = 0 AND peak = 0;
		RETURN NEXT;
	END LOOP;

	RETURN QUERY SELECT p.n, 0::bigint, 0::bigint, 0::bigint, 0::bigint FROM rungate_parts p WHERE p.id = p_id AND p.forgotten;

	DELETE FROM rungate_parts p WHERE p.id = p_id;
	IF empty THEN
		PERFORM rungate_drop(keys);
	END IF;
	PERFORM rungate_bar(p_id, p_lock); -- after all that others may have to wait for
END
$$;
-- +goose StatementEnd

-- rungate_balances returns how accounts stand, in their order. It changes nothing: leases
-- that have ended, which nobody has found yet, are counted as charged.
-- +goose StatementBegin
CREATE FUNCTION rungate_balances(h_keys uuid[], h_slots bigint[], h_spans bigint[], h_rolls boolean[])
RETURNS TABLE (spent bigint, reserved bigint, peak bigint) LANGUAGE sql AS $$
	WITH t AS MATERIALIZED (SELECT rungate_now() AS now)
	SELECT least(9223372036854775807, a.spent)::bigint, least(9223372036854775807, a.reserved)::bigint, a.peak
	FROM t, unnest(h_keys, h_slots, h_spans, h_rolls) WITH ORDINALITY AS w (key, slot, span, rolls, i),
		LATERAL (
			SELECT coalesce(sum(s.spent + e.need), 0) AS spent, coalesce(sum(s.reserved - e.need), 0) AS reserved, coalesce(max(s.peak), 0) AS peak
			FROM rungate_slots s, LATERAL (
				SELECT CASE WHEN s.due > t.now THEN 0 ELSE coalesce((
					SELECT sum(p.need) FROM rungate_parts p
					WHERE p.key = s.key AND p.slot = s.slot AND p.until <= t.now AND NOT p.charged AND NOT p.forgotten
				), 0) END AS need
			) e
			WHERE s.key = w.key AND CASE WHEN w.rolls
				THEN s.slot > greatest(w.slot, (SELECT max(o.slot) FROM rungate_slots o WHERE o.key = w.key)) - w.span
				ELSE s.slot = w.slot END
		) a
	ORDER BY w.i
$$;
-- +goose StatementEnd

-- rungate_forget drops all accounts of an owner.
-- +goose StatementBegin
CREATE FUNCTION rungate_forget(of uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	keys uuid[];
	locks integer[];
	l integer;
BEGIN
	SELECT array_agg(s.key), array_agg(DISTINCT s.lock ORDER BY s.lock) INTO keys, locks FROM rungate_slots s WHERE s.owner = of;
	IF keys IS NULL THEN
		RETURN;
	END IF;
	FOREACH l IN ARRAY locks LOOP
		PERFORM pg_advisory_xact_lock(1920298598, l);
	END LOOP;
	UPDATE rungate_parts p SET forgotten = true WHERE p.key = ANY (keys) AND p.slot IS NOT NULL;
	DELETE FROM rungate_slots s WHERE s.key = ANY (keys);
END
$$;
-- +goose StatementEnd
