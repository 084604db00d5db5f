package translate

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// An error that is nested as deep as an event can be long is text like any other, and
// does not use up the stack.
func TestSaidIsNestedDeep(t *testing.T) {
	body := bytes.Repeat([]byte("["), 16<<20)
	assert.Equal(t, string(body[:maxSaid]), said(http.StatusInternalServerError, body))
}
