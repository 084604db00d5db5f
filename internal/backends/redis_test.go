//go:build servers

package backends

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARedisThatIsStartedAgainHasWhatItWasToldToKeep(t *testing.T) {
	for _, tt := range []struct {
		name string
		keep bool
		end  func(*Redis)
		want string
	}{
		{"stopped", true, (*Redis).Stop, "1"},
		{"killed", true, (*Redis).Kill, "1"},
		{"stopped, keeps nothing", false, (*Redis).Stop, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := StartRedis(t, RedisOptions{Keep: tt.keep})
			_, err := resp(r.Addr, "SET", "a", "1")
			require.NoError(t, err)
			tt.end(r)
			_, err = resp(r.Addr, "PING")
			require.Error(t, err)
			r.Start()
			got, err := resp(r.Addr, "GET", "a")
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestAClusterAnswersForAllSlots(t *testing.T) {
	c := StartRedisCluster(t, RedisOptions{Keep: true})
	require.Len(t, c.Addrs(), 3)
	ok := 0
	for _, addr := range c.Addrs() {
		got, err := resp(addr, "SET", "a", "1")
		if err == nil && got == "OK" {
			ok++
		} else {
			assert.ErrorContains(t, err, "MOVED")
		}
	}
	assert.Equal(t, 1, ok, "one master has the slot")
	c.Masters[0].Kill()
	c.Masters[0].Start()
	c.Wait(t)
}
