package run_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/run"
)

func TestContext(t *testing.T) {
	ctx := context.Background()
	_, ok := run.FromContext(ctx)
	assert.False(t, ok, "an ordinary context says nothing")

	want := run.Ref{Agent: "researcher", ID: "nightly", NewRun: true, Policy: "p", User: "u", Tags: []string{"eu"}}
	outer := run.NewContext(ctx, want)
	got, ok := run.FromContext(outer)
	assert.True(t, ok)
	assert.Equal(t, want, got)

	got.ID = "changed"
	again, _ := run.FromContext(outer)
	assert.Equal(t, "nightly", again.ID, "what is returned is a copy")

	inner := run.NewContext(outer, run.Ref{})
	got, ok = run.FromContext(inner)
	assert.True(t, ok, "the zero Ref is one as well")
	assert.Equal(t, run.Ref{}, got, "the inner one holds, as a whole")
}
