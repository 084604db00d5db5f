package sqlstore

import (
	"testing"

	"github.com/rungate/rungate/gateway/storetest"
)

func TestTrail(t *testing.T) {
	onBoth(t, func(t *testing.T, d Dialect) {
		storetest.RunTrail(t, func(t *testing.T) storetest.TrailStore { return newStore(t, d, Options{}) })
	})
}
