package provider

import (
	"fmt"
	"io"
	"log/slog"
)

// A Secret is a credential. It prints, logs and encodes itself as "[redacted]"; only
// Reveal gives it away. It cannot do so where it is not asked: fmt shows what is in an
// unexported field of a struct, and by verbs that are not for strings, see Format;
// encoding/json shows the keys of a map.
type Secret string

const redacted = "[redacted]"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer.
func (s Secret) String() string { return redacted }

// Format implements fmt.Formatter. Of %p, and %w where it is out of place, fmt does not ask
// a Formatter.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler, and so covers JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
