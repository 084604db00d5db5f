package schematest

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Outcomes are kept in a file, since they are to be read and not to be kept in mind:
// that a change refuses half of what has been translated is to be seen.
const outcomesFile = "testdata/outcomes.json"

var update = flag.Bool("update", false, "write testdata/outcomes.json anew; run all tests with it")

// counts are how many recorded exchanges come to what.
type counts map[string]int

var offset = regexp.MustCompile(`byte \d+: `)

func (c counts) add(outcome string) { c[offset.ReplaceAllString(outcome, "")]++ }

// An outcomes is counts by what has been translated.
type outcomes map[string]counts

func readOutcomes(t *testing.T) outcomes {
	var o outcomes
	text, err := os.ReadFile(outcomesFile)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &o))
	return o
}

// equal checks the counts of one of them.
func (o outcomes) equal(t *testing.T, what string, got counts) {
	if !*update {
		assert.Equal(t, o[what], got, "if it is meant, run the tests with -update")
		return
	}
	all := readOutcomes(t)
	maps.Copy(all, outcomes{what: got})
	text, err := json.MarshalIndent(all, "", "  ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(outcomesFile, append(text, '\n'), 0o644)) //nolint:gosec // It is no secret.
}
