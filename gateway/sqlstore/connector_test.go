package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A slowServer takes a while to connect to.
type slowServer struct {
	driver.Connector
	takes time.Duration
	fails error

	mu          sync.Mutex
	open, asked int
}

// count adds to one of the numbers, and returns it.
func (s *slowServer) count(n *int, by int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	*n += by
	return *n
}

type slowConn struct {
	driver.Conn
	s *slowServer
}

func (s *slowServer) Connect(ctx context.Context) (driver.Conn, error) {
	s.count(&s.asked, 1)
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.fails != nil {
		return nil, s.fails
	}
	s.count(&s.open, 1)
	return &slowConn{s: s}, nil
}

func (c *slowConn) Close() error {
	c.s.count(&c.s.open, -1)
	return nil
}

func (c *slowConn) Ping(context.Context) error { return nil }

func TestConnectionsAreMadeInTheBackground(t *testing.T) {
	within := func(db *sql.DB, limit time.Duration) error {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		return db.PingContext(ctx)
	}
	for _, tt := range []struct {
		name string
		f    func(t *testing.T, s *slowServer, db *sql.DB)
	}{
		{"what one has no time for is there for the next", func(t *testing.T, s *slowServer, db *sql.DB) {
			assert.ErrorIs(t, within(db, 50*time.Millisecond), context.DeadlineExceeded)
			assert.ErrorIs(t, within(db, 20*time.Millisecond), context.DeadlineExceeded)
			require.NoError(t, within(db, 50*time.Millisecond))
			synctest.Wait()
			assert.LessOrEqual(t, s.count(&s.asked, 0), 3)
		}},
		{"one that fails is tried again", func(t *testing.T, s *slowServer, db *sql.DB) {
			s.fails = errors.New("refused")
			assert.ErrorIs(t, within(db, time.Second), s.fails)
			s.fails = nil
			require.NoError(t, within(db, time.Second))
		}},
		{"a server that is silent is not asked by more than there are connections", func(t *testing.T, s *slowServer, db *sql.DB) {
			s.takes = time.Hour
			for range 100 {
				assert.ErrorIs(t, within(db, 50*time.Millisecond), context.DeadlineExceeded)
			}
			assert.LessOrEqual(t, s.count(&s.asked, 0), conns)
			time.Sleep(connectLimit)
			synctest.Wait()
			s.takes = 0
			require.NoError(t, within(db, 50*time.Millisecond))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &slowServer{takes: 80 * time.Millisecond}
				db := sql.OpenDB(newConnector(s))
				tt.f(t, s, db)
				require.NoError(t, db.Close())
				assert.Zero(t, s.count(&s.open, 0), "all are closed")
			})
		})
	}
}
