package sqlstore

import (
	"database/sql"
	"errors"
	"math"
	"math/rand/v2"

	"github.com/rungate/rungate/budget"
)

// A part is a take or a hold of a reservation.
type part struct {
	n         int // holds are counted from 0 up, takes from -1 down
	holds     int
	key       rowKey
	slot      *int64
	span      int64
	need      int64
	until     int64
	charged   bool
	forgotten bool
}

// parts returns the parts of a reservation, the takes first, after its lease has ended
// if it is due.
func (t *tx) parts(id budget.ID, now int64) (parts []part, err error) {
	for again := true; again; {
		if parts, err = t.loadParts(id); err != nil {
			return nil, err
		}
		again = false
		for i := range parts {
			if p := &parts[i]; p.until <= now {
				again = true
				if err := t.expire(p.key, now); err != nil {
					return nil, err
				}
			}
		}
	}
	return parts, nil
}

func (t *tx) loadParts(id budget.ID) ([]part, error) {
	rows, err := t.query("SELECT n, holds, key, slot, span, need, until, charged, forgotten FROM rungate_parts WHERE id = ? ORDER BY n", id[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err has said it
	var parts []part
	for rows.Next() {
		var p part
		var k sql.RawBytes
		if err := rows.Scan(&p.n, &p.holds, &k, &p.slot, &p.span, &p.need, &p.until, &p.charged, &p.forgotten); err != nil {
			return nil, err
		}
		copy(p.key[:], k)
		parts = append(parts, p)
	}
	return parts, rows.Err()
}

// present is counting after the leases in the account have ended that are due.
func (t *tx) present(k rowKey, number, span, now int64) ([]slot, error) {
	counted, err := t.counting(k, number, span)
	if err != nil {
		return nil, err
	}
	for i := range counted {
		if counted[i].due <= now {
			if err := t.expire(k, now); err != nil {
				return nil, err
			}
			return t.counting(k, number, span)
		}
	}
	return counted, nil
}

// presentBucket is bucket after the leases in it have ended that are due.
func (t *tx) presentBucket(k rowKey, now int64) (bucket, error) {
	b, err := t.bucket(k)
	if err != nil || !b.there || b.due > now {
		return b, err
	}
	if err := t.expire(k, now); err != nil {
		return b, err
	}
	return t.bucket(k)
}

// counting returns the slots of an account that count as of a slot number, by rising
// number. Span is how many count together, 0 where the window does not roll.
func (t *tx) counting(k rowKey, number, span int64) ([]slot, error) {
	var rows *sql.Rows
	var err error
	if span == 0 {
		rows, err = t.query("SELECT slot, spent, reserved, peak, holds, due, until FROM rungate_slots WHERE key = ? AND slot = ?", k[:], number)
	} else {
		rows, err = t.query(`SELECT slot, spent, reserved, peak, holds, due, until FROM rungate_slots
			WHERE key = $1 AND slot > max($2, coalesce((SELECT max(slot) FROM rungate_slots WHERE key = $1), 0)) - $3 ORDER BY slot`, k[:], number, span)
	}
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err has said it
	var counted []slot
	for rows.Next() {
		var s slot
		if err := rows.Scan(&s.number, &s.spent, &s.reserved, &s.peak, &s.holds, &s.due, &s.until); err != nil {
			return nil, err
		}
		counted = append(counted, s)
	}
	return counted, rows.Err()
}

func (t *tx) bucket(k rowKey) (bucket, error) {
	b := bucket{key: k}
	err := t.row("SELECT tokens, at, per_second, burst, holders, due FROM rungate_buckets WHERE key = ?", k[:]).
		Scan(&b.tokens, &b.at, &b.perSecond, &b.burst, &b.holders, &b.due)
	if errors.Is(err, sql.ErrNoRows) {
		return b, nil
	}
	b.there = true
	return b, err
}

// keep writes a bucket.
func (t *tx) keep(b *bucket) error {
	_, err := t.exec(`INSERT INTO rungate_buckets (key, tokens, at, per_second, burst, holders, due) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (key) DO UPDATE SET tokens = $2, at = $3, per_second = $4, burst = $5, holders = $6, due = $7`,
		b.key[:], b.tokens, b.at, b.perSecond, b.burst, b.holders, b.due)
	return err
}

// expire ends the leases that are due in an account or a bucket, and forgets those that
// were charged long ago.
func (t *tx) expire(k rowKey, now int64) error {
	for _, step := range []struct {
		query string
		args  []any
	}{
		// What was charged long ago, and takes, are gone.
		{`UPDATE rungate_slots SET holds = holds - (SELECT count(*) FROM rungate_parts p
			WHERE p.key = rungate_slots.key AND p.slot = rungate_slots.slot AND p.until <= $2 AND p.charged AND NOT p.forgotten)
			WHERE key = $1 AND due <= $2`, []any{k[:], now}},
		{`UPDATE rungate_buckets SET holders = holders - (SELECT count(*) FROM rungate_parts p WHERE p.key = $1 AND p.slot IS NULL AND p.until <= $2)
			WHERE key = $1 AND due <= $2`, []any{k[:], now}},
		{`DELETE FROM rungate_parts WHERE key = $1 AND until <= $2 AND (charged OR slot IS NULL)`, []any{k[:], now}},
	} {
		if _, err := t.exec(step.query, step.args...); err != nil {
			return err
		}
	}
	if err := t.chargeDue(k, now); err != nil {
		return err
	}
	for _, step := range []struct {
		query string
		args  []any
	}{
		{`UPDATE rungate_parts SET charged = 1, until = $3 WHERE key = $1 AND until <= $2`, []any{k[:], now, now + int64(correctable)}},
		{`UPDATE rungate_slots SET due = coalesce((SELECT min(until) FROM rungate_parts p WHERE p.key = rungate_slots.key AND p.slot = rungate_slots.slot), $3)
			WHERE key = $1 AND due <= $2`, []any{k[:], now, int64(math.MaxInt64)}},
		{`UPDATE rungate_buckets SET due = coalesce((SELECT min(until) FROM rungate_parts p WHERE p.key = $1 AND p.slot IS NULL), $3)
			WHERE key = $1 AND due <= $2`, []any{k[:], now, int64(math.MaxInt64)}},
		{`DELETE FROM rungate_slots WHERE key = $1 AND until = 0 AND holds = 0 AND spent = 0 AND peak = 0`, []any{k[:]}},
	} {
		if _, err := t.exec(step.query, step.args...); err != nil {
			return err
		}
	}
	return nil
}

// chargeDue charges in an account what is held by leases that are due.
func (t *tx) chargeDue(k rowKey, now int64) error {
	rows, err := t.query("SELECT slot, need FROM rungate_parts WHERE key = ? AND until <= ? AND NOT forgotten", k[:], now)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err has said it
	needs := map[int64][]int64{}
	for rows.Next() {
		var slot, need int64
		if err := rows.Scan(&slot, &need); err != nil {
			return err
		}
		needs[slot] = append(needs[slot], need)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for number, needs := range needs {
		var s slot
		if err := t.row("SELECT spent, reserved FROM rungate_slots WHERE key = ? AND slot = ?", k[:], number).Scan(&s.spent, &s.reserved); err != nil {
			return err
		}
		for _, n := range needs {
			s.spent, s.reserved = add(s.spent, n), s.reserved-n
		}
		if _, err := t.exec("UPDATE rungate_slots SET spent = ?, reserved = ? WHERE key = ? AND slot = ?", s.spent, s.reserved, k[:], number); err != nil {
			return err
		}
	}
	return nil
}

// tidy looks at up to n slots that have left their window, and at n slots and n buckets
// somewhere. It drops what is as good as not there, and ends leases that nobody else
// has found.
func (t *tx) tidy(n int, now int64) error {
	old, err := t.keys("SELECT DISTINCT key FROM (SELECT key FROM rungate_slots WHERE until > 0 AND until <= ? ORDER BY until LIMIT ?)", now, n)
	if err != nil {
		return err
	}
	for _, k := range old {
		if err := t.expire(k, now); err != nil {
			return err
		}
		if _, err := t.exec("DELETE FROM rungate_slots WHERE key = ? AND until > 0 AND until <= ? AND holds = 0", k[:], now); err != nil {
			return err
		}
		if _, err := t.exec("UPDATE rungate_slots SET until = ? WHERE key = ? AND until > 0 AND until <= ?", now+int64(correctable), k[:], now); err != nil {
			return err
		}
	}
	late, err := t.keys("SELECT DISTINCT key FROM (SELECT key, due FROM rungate_slots WHERE key > ? ORDER BY key LIMIT ?) WHERE due <= ?", somewhere(), n, now)
	if err != nil {
		return err
	}
	for _, k := range late {
		if err := t.expire(k, now); err != nil {
			return err
		}
	}
	buckets, err := t.keys("SELECT key FROM rungate_buckets WHERE key > ? ORDER BY key LIMIT ?", somewhere(), n)
	if err != nil {
		return err
	}
	for _, k := range buckets {
		if err := t.tidyBucket(k, now); err != nil {
			return err
		}
	}
	return nil
}

// tidyBucket drops a bucket that is as good as none.
func (t *tx) tidyBucket(k rowKey, now int64) error {
	b, err := t.presentBucket(k, now)
	if err != nil || !b.idle(now) {
		return err
	}
	_, err = t.exec("DELETE FROM rungate_buckets WHERE key = ?", k[:])
	return err
}

func (t *tx) keys(query string, args ...any) ([]rowKey, error) {
	rows, err := t.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err has said it
	var keys []rowKey
	for rows.Next() {
		var b sql.RawBytes
		if err := rows.Scan(&b); err != nil {
			return nil, err
		}
		keys = append(keys, rowKey(b))
	}
	return keys, rows.Err()
}

// somewhere is a key at random.
func somewhere() []byte {
	var k rowKey
	for i := range k {
		k[i] = byte(rand.Uint32())
	}
	return k[:]
}
