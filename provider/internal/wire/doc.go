// Package wire holds what the dialects of the model APIs have in common: how a
// provider is addressed and signed, how a member is cut out of a body, how usage
// is estimated, and how errors are written.
package wire
