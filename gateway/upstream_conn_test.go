package gateway

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// source is a connection of which only reading is used.
type source struct {
	net.Conn
	io.Reader
}

func (s source) Read(p []byte) (int, error) { return s.Reader.Read(p) }

// However a connection to a provider is read, all comes, in its order, and nothing
// is held when it has.
func TestReadingAhead(t *testing.T) {
	var sent []byte
	for i := range 300_000 {
		sent = append(sent, byte(i>>8), byte(i))
	}
	for _, size := range []int{1, 7, 512, 4 << 10, 16 << 10, largeBuffer, largeBuffer + 1, 1 << 20} {
		c := &providerConn{Conn: source{Reader: bytes.NewReader(sent)}}
		var got []byte
		for buf := make([]byte, size); ; {
			n, err := c.Read(buf)
			got = append(got, buf[:n]...)
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
		}
		assert.True(t, bytes.Equal(sent, got), "in pieces of %d: %d bytes of %d", size, len(got), len(sent))
		assert.Nil(t, c.lent)
	}
}
