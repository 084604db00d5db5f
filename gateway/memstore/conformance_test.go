package memstore_test

import (
	"testing"

	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/gateway/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Store { return memstore.New(memstore.Options{}) })
}
