package sqlstore

import (
	"context"
	"database/sql/driver"
	"sync"
	"time"
)

// A connector makes connections in the background. To make one may take longer than
// whoever needs it may wait: without that, a database for which that is so would never
// be reached, however fast it answers once there is a connection.
type connector struct {
	driver.Connector
	life context.Context // ends with the database
	end  context.CancelFunc

	made    chan made     // of which each is for whoever takes it first
	working chan struct{} // one for each that is being made
	all     sync.WaitGroup
}

// made is what has become of an attempt to make a connection.
type made struct {
	conn driver.Conn
	err  error
}

const (
	connectLimit = 10 * time.Second // that a connection may take to make
	kept         = 4                // connections that nobody has waited for
)

func newConnector(c driver.Connector) *connector {
	life, end := context.WithCancel(context.Background())
	return &connector{Connector: c, life: life, end: end, made: make(chan made, kept), working: make(chan struct{}, conns)}
}

// Connect implements driver.Connector. What ctx is too short for is there for the next
// caller.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	for {
		select {
		case m := <-c.made:
			if m.err == nil && fresh(ctx, m.conn) {
				return m.conn, nil
			}
			continue
		default:
		}
		break
	}
	for slot := c.working; ; {
		select {
		case slot <- struct{}{}:
			c.all.Go(c.work)
			slot = nil
		case m := <-c.made: // ours, or one that somebody else did not wait for
			return m.conn, m.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// work makes a connection.
func (c *connector) work() {
	defer func() { <-c.working }()
	ctx, cancel := context.WithTimeout(c.life, connectLimit)
	defer cancel()
	var m made
	m.conn, m.err = c.Connector.Connect(ctx)
	select {
	case c.made <- m:
	default: // there are enough
		m.drop()
	}
}

func (m made) drop() {
	if m.err == nil {
		m.conn.Close() //nolint:errcheck // it was not used
	}
}

// fresh reports whether a connection that has waited to be used is still one.
func fresh(ctx context.Context, conn driver.Conn) bool {
	if r, ok := conn.(driver.SessionResetter); ok && r.ResetSession(ctx) != nil {
		conn.Close() //nolint:errcheck // it is broken
		return false
	}
	return true
}

// Close implements io.Closer, for sql.DB.
func (c *connector) Close() error {
	c.end()
	c.all.Wait()
	for {
		select {
		case m := <-c.made:
			m.drop()
		default:
			return nil
		}
	}
}
