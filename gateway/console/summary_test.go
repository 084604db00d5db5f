package console

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSummary(t *testing.T) {
	for name, c := range map[string]struct{ args, want string }{
		"simple":              {`{"order":"ord_2H4p","amount_usd":1240.00}`, "order ord_2H4p · amount_usd 1240.00"},
		"every kind of value": {`{"s":"","n":1e3,"t":true,"z":null,"o":{"a":1},"l":[1,2]}`, `s "" · n 1e3 · t true · z null · o {…} · l […]`},
		"a name twice":        {`{"amount":1,"\u0061mount":2}`, "amount 1 · amount 2"},
		"hidden characters":   {`{"a\u200b":"x\u202ey"}`, "aU+200B xU+202Ey"},
		"markup":              {`{"<b>":"</p><b>"}`, "<b> </p><b>"},
		"white space around":  {" \n{ \"a\": 1 }\n", "a 1"},
		"a long value":        {`{"a":"` + strings.Repeat("x", 100) + `","b":1}`, "a " + strings.Repeat("x", 80) + "… · b 1"},
		"a long number":       {`{"a":` + strings.Repeat("1", 100) + `}`, "a " + strings.Repeat("1", 80) + "…"},
		"a long name":         {`{"` + strings.Repeat("x", 41) + `":1}`, strings.Repeat("x", 40) + "… 1"},
		"many members":        {"{" + strings.Repeat(`"a":1,`, 12) + `"b":2}`, strings.Repeat("a 1 · ", 10) + "3 more"},
		"an empty object":     {` {}`, "{}"},
		"an array":            {`[1, 2]`, "[1, 2]"},
		"a string":            {`"rm -rf"`, `"rm -rf"`},
		"no JSON":             {`rm {"a":1}`, `rm {"a":1}`},
		"nothing":             {``, ``},
		"large":               {`{"a":1,"b":"` + strings.Repeat("x", 4096) + `"}`, `{"a":1,"b":"` + strings.Repeat("x", 148) + "… 3950 bytes more"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, seen(summary([]byte(c.args))))
		})
	}
}

// A value that looks like further members does not pass for them.
func TestSummaryTellsNamesFromValues(t *testing.T) {
	forged := string(summary([]byte(`{"order":"1 · amount_usd 5"}`)))
	assert.Equal(t, `<span class="key">order</span> 1 · amount_usd 5`, forged)
	assert.Contains(t, summary([]byte(`{"order":"1","amount_usd":5}`)), `<span class="key">·</span> <span class="key">amount_usd</span> 5`)
}
