package provider_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
)

func TestSecretIsKept(t *testing.T) {
	const secret = provider.Secret("sk-very-secret")
	type config struct {
		Key  provider.Secret
		Keys map[string]provider.Secret
	}
	c := config{secret, map[string]provider.Secret{"a": secret}}
	encoded, err := json.Marshal(c)
	require.NoError(t, err)
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("start", "key", secret, "config", c)

	for name, s := range map[string]string{
		"print":      fmt.Sprint(secret, c, &c),
		"print %+v":  fmt.Sprintf("%+v %#v", c, c),
		"print %s":   fmt.Sprintf("%s %q %v %x", secret, secret, secret, secret),
		"print %d":   fmt.Sprintf("%d %U %b %t", secret, secret, secret, secret),
		"JSON":       string(encoded),
		"log":        logged.String(),
		"an error":   fmt.Errorf("with %v", secret).Error(),
		"a pointer":  fmt.Sprintf("%v", &c.Key),
		"as a value": fmt.Sprintf("%v", any(secret)),
	} {
		assert.NotContains(t, s, "very", name)
		assert.NotContains(t, s, fmt.Sprintf("%x", "very"), name)
	}
	assert.Equal(t, "sk-very-secret", secret.Reveal())
}
