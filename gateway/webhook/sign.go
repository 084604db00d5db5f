package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/rungate/rungate/provider"
)

// sign adds the headers by which a receiver knows who has sent the body, and
// when.
func (p *Endpoint) sign(h http.Header, id, timestamp string, body []byte) error {
	var standard []string
	for _, secret := range [...]provider.Secret{p.Secret, p.PreviousSecret} {
		k, err := key(secret)
		if err != nil {
			return err
		}
		if k == nil {
			continue
		}
		h.Add("X-Rungate-Signature", "v1="+hex.EncodeToString(mac(k, timestamp, body)))
		standard = append(standard, "v1,"+base64.StdEncoding.EncodeToString(mac(k, id+"."+timestamp, body)))
	}
	if standard == nil {
		return errors.New("there is no secret to sign with")
	}
	h.Set("X-Rungate-Timestamp", timestamp)
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", timestamp)
	h.Set("Webhook-Signature", strings.Join(standard, " "))
	return nil
}

// mac is the HMAC-SHA256 of "HEAD.BODY".
func mac(key []byte, head string, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(head + "."))
	h.Write(body)
	return h.Sum(nil)
}

// A key of Standard Webhooks has so many bytes.
const (
	minKeyBytes = 24
	maxKeyBytes = 64
)

// key is what a secret signs with; nil for none.
func key(s provider.Secret) ([]byte, error) {
	encoded, standard := strings.CutPrefix(s.Reveal(), "whsec_")
	switch {
	case s == "":
		return nil, nil
	case !standard:
		return []byte(s.Reveal()), nil
	}
	k, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, errors.New(`what follows "whsec_" is not base64`) // and is not to be told
	}
	if len(k) < minKeyBytes || len(k) > maxKeyBytes {
		return nil, fmt.Errorf(`what follows "whsec_" is base64 of %d bytes; want %d to %d`, len(k), minKeyBytes, maxKeyBytes)
	}
	return k, nil
}
