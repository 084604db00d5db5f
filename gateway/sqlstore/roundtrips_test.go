package sqlstore

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

// counted is a connection on which each message to the server is counted: in pgx, that
// is one for each round trip.
type countedConn struct {
	net.Conn
	sent *atomic.Int64
}

func (c countedConn) Write(b []byte) (int, error) {
	c.sent.Add(1)
	return c.Conn.Write(b)
}

// Each method of the ledger and the trail that a call needs is one round trip.
func TestOneRoundTripEach(t *testing.T) {
	cfg, err := pgx.ParseConfig(newSchema(t))
	require.NoError(t, err)
	var sent atomic.Int64
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return countedConn{c, &sent}, err
	}
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	db.SetMaxOpenConns(1) // so that statements are prepared once
	s, err := Open(t.Context(), db, Postgres, Options{})
	require.NoError(t, err)
	s.ledger.chainer.after = time.Hour // none of them waits for it

	w := newEconomy()
	d := &budget.Demand{Takes: w.takes[:3]}
	for _, a := range w.accounts {
		d.Holds = append(d.Holds, budget.Hold{Account: a, Need: 1, Limit: 1 << 40})
	}
	st := &budget.Settlement{Used: []int64{1, 1, 1}, Charges: make([]int64, len(d.Holds))}
	for i := range d.Holds {
		st.Lines = append(st.Lines, budget.Line{Hold: i, At: 1000, Note: []byte(`{"Run":{"Team":"ops","ID":"r"}}`)})
	}
	n := 0
	for _, method := range []struct {
		name string
		call func() error
	}{
		{"Reserve with a record", func() error {
			n++
			d.Record = &budget.Record{Team: "ops", ID: fmt.Sprint(n), Text: []byte("{}")}
			_, ok, err := s.Reserve(t.Context(), numbered(n), d, time.Hour)
			assert.True(t, ok)
			return err
		}},
		{"Renew", func() error { return s.Renew(t.Context(), numbered(n), d, time.Hour) }},
		{"Settle", func() error {
			got, err := s.Settle(t.Context(), numbered(n), d, st, nil)
			assert.Len(t, got, len(d.Holds))
			return err
		}},
		{"Balances", func() error {
			_, err := s.Balances(t.Context(), w.accounts, nil)
			return err
		}},
		{"Append", func() error { return s.Append(t.Context(), &budget.Record{Team: "ops", ID: "a", Text: []byte("{}")}) }},
	} {
		require.NoError(t, method.call()) // prepares the statement
		if method.name == "Settle" {
			n++
			_, ok, err := s.Reserve(t.Context(), numbered(n), d, time.Hour)
			require.NoError(t, err)
			require.True(t, ok)
		}
		before := sent.Load()
		require.NoError(t, method.call())
		assert.EqualValues(t, 1, sent.Load()-before, method.name)
	}
}
