package provider_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
)

func TestSplice(t *testing.T) {
	const body = "0123456789"
	for name, c := range map[string]struct {
		edits []provider.Edit
		want  string
	}{
		"none":                     {nil, "0123456789"},
		"zero":                     {[]provider.Edit{{}, {}}, "0123456789"},
		"a cut":                    {[]provider.Edit{{From: 2, To: 5}}, "0156789"},
		"a replacement":            {[]provider.Edit{{From: 2, To: 5, With: "abcd"}}, "01abcd56789"},
		"an insertion":             {[]provider.Edit{{From: 2, To: 2, With: "a"}}, "01a23456789"},
		"at both ends":             {[]provider.Edit{{With: "a"}, {From: 10, To: 10, With: "b"}}, "a0123456789b"},
		"everything":               {[]provider.Edit{{From: 0, To: 10}}, ""},
		"out of order":             {[]provider.Edit{{From: 8, To: 9}, {From: 1, To: 2}, {From: 4, To: 5, With: "x"}}, "023x5679"},
		"zero among others":        {[]provider.Edit{{From: 8, To: 9}, {}, {From: 1, To: 2}}, "02345679"},
		"at one place":             {[]provider.Edit{{From: 1, To: 1, With: "a"}, {From: 1, To: 4}}, "0a456789"},
		"at one place, other way":  {[]provider.Edit{{From: 1, To: 4}, {From: 1, To: 1, With: "a"}}, "0a456789"},
		"one after the other":      {[]provider.Edit{{From: 4, To: 6, With: "b"}, {From: 1, To: 4, With: "a"}}, "0ab6789"},
		"insertions, in their row": {[]provider.Edit{{From: 3, To: 3, With: "a"}, {From: 3, To: 3, With: "b"}}, "012ab3456789"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, string(provider.Splice([]byte(body), c.edits...)))
		})
	}
	t.Run("without an edit it is the body itself", func(t *testing.T) {
		b := []byte(body)
		assert.Same(t, &b[0], &provider.Splice(b, provider.Edit{})[0])
	})
	t.Run("the body is left alone", func(t *testing.T) {
		b := []byte(body)
		provider.Splice(b, provider.Edit{From: 0, To: 3, With: "abc"})
		assert.Equal(t, body, string(b))
	})
}

func TestUseModel(t *testing.T) {
	body := `{"model":"a"}`
	r := &provider.Request{Body: []byte(body), Model: "a"}
	assert.Equal(t, provider.Edit{}, r.UseModel("b"), "where the model is not known to be")

	at := strings.Index(body, `"a"`)
	r.SetModelSpan(at, at+3)
	assert.Equal(t, provider.Edit{}, r.UseModel("a"), "the same model")

	for _, name := range []string{"b", `a "quoted" \ one`, "line\nend\x00", "münchen", "\u2028"} {
		var got struct{ Model string }
		require.NoError(t, json.Unmarshal(provider.Splice(r.Body, r.UseModel(name)), &got))
		assert.Equal(t, name, got.Model)
	}
}

func TestSyntaxError(t *testing.T) {
	assert.EqualError(t, &provider.SyntaxError{Offset: 7, Reason: "want a value"}, "byte 7: want a value")
	assert.EqualError(t, &provider.SyntaxError{Offset: 7, Path: "messages.3", Reason: "want a value"}, "messages.3 (byte 7): want a value")
}
