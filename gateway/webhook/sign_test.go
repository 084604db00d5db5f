package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/webhook"
	"github.com/rungate/rungate/provider"
)

func mac(key, text string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return h.Sum(nil)
}

func decoded(t *testing.T, secret string) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	require.NoError(t, err)
	return string(key)
}

func TestSignatures(t *testing.T) {
	for _, tt := range []struct {
		name             string
		secret, previous provider.Secret
		keys             []string
	}{
		{"a secret of Standard Webhooks", secret, "", []string{decoded(t, secret)}},
		{"any text", "correct horse", "", []string{"correct horse"}},
		{"while it is changed", secret, previous, []string{decoded(t, secret), decoded(t, previous)}},
		{"from one kind to the other", secret, "correct horse", []string{decoded(t, secret), "correct horse"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := newInbox(t, nil)
			p := &webhook.Endpoint{URL: in.URL, Secret: tt.secret, PreviousSecret: tt.previous, AllowPrivate: true}
			require.NoError(t, p.Notify(t.Context(), pending()))
			got := in.only(t)
			id, at := got.Header.Get("Webhook-Id"), got.Header.Get("Webhook-Timestamp")
			var own, standard []string
			for _, key := range tt.keys {
				own = append(own, "v1="+hex.EncodeToString(mac(key, at+"."+string(got.Body))))
				standard = append(standard, "v1,"+base64.StdEncoding.EncodeToString(mac(key, id+"."+at+"."+string(got.Body))))
			}
			assert.Equal(t, own, got.Header["X-Rungate-Signature"])
			assert.Equal(t, []string{strings.Join(standard, " ")}, got.Header["Webhook-Signature"])
		})
	}
}
