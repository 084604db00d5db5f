package webhook

// What the tests look at from outside.
var (
	NewTransport = newTransport
	Guard        = guard
	Escape       = escape
	Label        = label
)
